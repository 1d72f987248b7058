// `npm run bench -- NAME [--json FILE] [--runs N]`: measures, prints a table, and writes the report for others to read.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Benchmark, formatReport, measure } from "./report.ts";

interface Program {
  readonly description: string;
  load(): Promise<{ readonly benchmark: Benchmark }>;
}

const programs: Readonly<Record<string, Program>> = {
  "control-plane": {
    description: "1,000 proxies and 1,000 services on the control plane alone, without and with TLS",
    load: () => import("./control-plane.ts"),
  },
  latency: {
    description: "what two sidecars add to a request, beside two bare Envoys with mTLS",
    load: () => import("./latency.ts"),
  },
  routes: {
    description: "what routes with matches and filters cost, beside hand-written Envoys with the same",
    load: () => import("./routes.ts"),
  },
  "sidecar-memory": {
    description: "private memory of an idle sidecar, with few services and with 5,000",
    load: () => import("./sidecar-memory.ts"),
  },
  startup: {
    description: "from `heddle up` to all ready, for examples/bookstore",
    load: () => import("./startup.ts"),
  },
  "first-request": {
    description: "the first request to a service beside the next one",
    load: () => import("./first-request.ts"),
  },
  "control-plane-away": {
    description: "requests while the control plane is stopped",
    load: () => import("./control-plane-away.ts"),
  },
  "kubernetes-install": {
    description: "from `heddle install` to all ready, on Kubernetes",
    load: () => import("./kubernetes-install.ts"),
  },
  "kubernetes-pod-start": {
    description: "a pod until it is ready, without and with a sidecar",
    load: () => import("./kubernetes-pod-start.ts"),
  },
  "kubernetes-endpoint-change": {
    description: "an EndpointSlice from the API server into a sidecar",
    load: () => import("./kubernetes-endpoint-change.ts"),
  },
  "kubernetes-control-plane": {
    description: "what a replica of the control plane takes, with 500 pods and with 20 new pods a second",
    load: () => import("./kubernetes-control-plane.ts"),
  },
  "latency-aware": {
    description:
      "balancing by latency beside Envoy's own policies, hand-written: slow, failing, and what it costs",
    load: () => import("./latency-aware.ts"),
  },
  "latency-aware-mesh": {
    description: "the same through the whole mesh, while one of ten pods gets slow",
    load: () => import("./latency-aware-mesh.ts"),
  },
  "balancer-soak": {
    description: "an hour of load while endpoints come and go: failures and memory",
    load: () => import("./balancer-soak.ts"),
  },
  admission: {
    description:
      "how long the webhook takes for a pod, and what creating one costs with it, with a policy, without",
    load: () => import("./admission.ts"),
  },
};

const defaultRuns = 5;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, runs: { type: "string" } },
});
const [name] = positionals;
const program = name === undefined ? undefined : programs[name];
if (program === undefined) {
  const width = Math.max(...Object.keys(programs).map((key) => key.length));
  const list = Object.entries(programs).map(
    ([key, { description }]) => `  ${key.padEnd(width)}  ${description}`,
  );
  const complaint = name === undefined ? "" : `There is no benchmark "${name}".\n`;
  const usage = `usage: npm run bench -- NAME [--json FILE] [--runs N]\n${list.join("\n")}\n`;
  process.stderr.write(complaint + usage);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const { benchmark } = await program.load();
  const runs = values.runs === undefined ? (benchmark.runs ?? defaultRuns) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs takes a number of runs");
  const report = await measure(benchmark, runs);
  process.stdout.write(formatReport(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}
