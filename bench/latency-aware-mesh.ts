// Balancing by latency beside Envoy's own policies through the whole mesh: a client's sidecar to ten pods with sidecars.
import { slowServer, slowServerPort } from "./latency-aware/slow-server.ts";
import { deployment, idle, namespace, service } from "./local-mesh/fixture.ts";
import type { Load, LoadResult } from "./local-mesh/load-generator.ts";
import { type LocalMesh, startMesh } from "./local-mesh/mesh.ts";
import type { Benchmark } from "./report.ts";

const meshed = "bench";
const load = { perSecond: 300, connections: 256 };
const warmUpSeconds = 3;
const roundSeconds = 12;

/** Services of the same ten pods, each balanced in another way; the last one by default. */
const policies = {
  "round robin": { service: "by-turns", simple: "ROUND_ROBIN" },
  "least request": { service: "by-requests", simple: "LEAST_REQUEST" },
  "latency-aware": { service: "by-latency", simple: undefined },
} as const;
type Policy = keyof typeof policies;
const policyNames = Object.keys(policies) as readonly Policy[];

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  runs: 3,
  figures: [
    ...policyNames.flatMap((policy) => [
      { name: `${policy}: failed`, unit: "%", ...(policy === "latency-aware" && { atMost: 0.1 }) },
      { name: `${policy}: p99`, unit: "ms" },
    ]),
    { name: "p99 ÷ p99 of least request", unit: "×", atMost: 1 / 3 },
  ],
  run: async (record, runs) => {
    const mesh = await startMesh(objects());
    try {
      for (let round = 0; round < runs; round++) {
        const results = new Map<Policy, LoadResult>();
        for (const policy of policyNames) {
          const result = await measure(mesh, policy);
          results.set(policy, result);
          record(`${policy}: failed`, (100 * result.failures) / result.requests);
          record(`${policy}: p99`, result.all.p99Ms);
        }
        const [own, least] = [results.get("latency-aware"), results.get("least request")];
        if (own !== undefined && least !== undefined)
          record("p99 ÷ p99 of least request", own.all.p99Ms / least.all.p99Ms);
      }
    } finally {
      await mesh.close();
    }
  },
};

function objects() {
  const pods = Array.from({ length: 10 }, (_, index) => {
    const made = deployment(meshed, `server-${index}`, [slowServer]);
    const { template } = made.spec;
    const labels = { ...template.metadata?.labels, group: "servers" };
    return {
      ...made,
      spec: { ...made.spec, template: { ...template, metadata: { ...template.metadata, labels } } },
    };
  });
  return [
    namespace(meshed, true),
    ...pods,
    deployment(meshed, "client", [idle]),
    ...Object.values(policies).flatMap(({ service: name, simple }) => {
      const made = service(meshed, name, name);
      return [
        { ...made, spec: { ...made.spec, selector: { group: "servers" } } },
        timeoutOf(name),
        ...(simple === undefined ? [] : [ruleOf(name, simple)]),
      ];
    }),
  ];
}

function timeoutOf(host: string) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: host, namespace: meshed },
    spec: { hosts: [host], http: [{ timeout: "1s", route: [{ destination: { host } }] }] },
  };
}

function ruleOf(host: string, simple: string) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: host, namespace: meshed },
    spec: { host, trafficPolicy: { loadBalancer: { simple } } },
  };
}

/** From the moment on in which one of the pods gets slow. */
async function measure(mesh: LocalMesh, policy: Policy): Promise<LoadResult> {
  const url = `http://${policies[policy].service}/`;
  const send = (seconds: number) =>
    mesh.runIn<LoadResult>(meshed, "client", "load-generator.ts", { ...load, url, seconds } satisfies Load);
  await setDelay(mesh, 4);
  await send(warmUpSeconds);
  await setDelay(mesh, 2_000);
  return send(roundSeconds);
}

function setDelay(mesh: LocalMesh, delayMs: number): Promise<unknown> {
  return mesh.runIn(meshed, "server-0", "set-delay.ts", { port: slowServerPort, delayMs });
}
