// Balancing by latency beside Envoy's own policies, with the same endpoints, filters and load, one after the other.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBalancer } from "#local/balancer-library.ts";
import { type Envoy, envoyBinary } from "#test/helpers/envoy.ts";
import { freePort } from "#test/helpers/free-port.ts";
import { type Cluster, type PolicyName, policyNames, startBalancing } from "./latency-aware/policies.ts";
import { type Servers, startServers } from "./latency-aware/servers.ts";
import type { Load, LoadResult } from "./local-mesh/load-generator.ts";
import { cpuSeconds } from "./processes.ts";
import type { Benchmark, Recorder } from "./report.ts";

const run = promisify(execFile);
const quick = { delayMs: 4, status: 200 };
const perSecond = 500;
const seconds = { warmUp: 2, slow: 12, mixed: 8, failing: 8, cpu: 5 };
/** Endpoints that hang hold connections for as long as clients wait. */
const connections = 512;

const scenarios = {
  slow: "one of ten gets slow",
  mixed: "two of ten are slow",
  refusing: "one of five refuses",
  failing: "one of five answers 503",
} as const;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  runs: 3,
  figures: [
    ...policyNames.flatMap((policy) => [
      {
        name: `${scenarios.slow}: ${policy}: failed`,
        unit: "%",
        ...(policy === "latency-aware" && { atMost: 0.1 }),
      },
      { name: `${scenarios.slow}: ${policy}: p99`, unit: "ms" },
    ]),
    { name: `${scenarios.slow}: p99 ÷ p99 of least request`, unit: "×", atMost: 1 / 3 },
    { name: `${scenarios.slow}: failed - failed by full scan`, unit: "%", atMost: 0 },
    ...policyNames.flatMap((policy) => [
      { name: `${scenarios.mixed}: ${policy}: mean`, unit: "ms" },
      { name: `${scenarios.mixed}: ${policy}: p99`, unit: "ms" },
      { name: `${scenarios.mixed}: ${policy}: to the slow ones`, unit: "%" },
    ]),
    { name: `${scenarios.mixed}: mean ÷ mean of least request`, unit: "×", atMost: 1 },
    // Both are the slow endpoints' own latency, to within the noise of a timer.
    { name: `${scenarios.mixed}: p99 ÷ p99 of least request`, unit: "×", atMost: 1.02 },
    ...[scenarios.refusing, scenarios.failing].map((scenario) => ({
      name: `${scenario}: failed`,
      unit: "%",
      atMost: 2,
    })),
    { name: `${scenarios.failing}: to the failing one`, unit: "%", atMost: 20 },
    ...policyNames.map((policy) => ({ name: `CPU per request: ${policy}`, unit: "µs" })),
    { name: "CPU per request ÷ that of round robin", unit: "×", atMost: 1.05 },
  ],
  run: async (record, runs) => {
    const library = await findBalancer(envoyBinary(), (line) => process.stderr.write(`${line}\n`));
    if (library.kind === "missing") throw new Error(`there is no balancer: ${library.reason}`);
    const servers = await startServers(Array.from({ length: 10 }, () => quick));
    const port = await freePort();
    const envoy = await startBalancing(port, library.path, await clustersOf(servers));
    const bench = { servers, envoy, port, record };
    try {
      for (let round = 0; round < runs; round++) await measureAll(bench);
    } finally {
      await envoy.stop();
      servers.close();
    }
  },
};

interface Bench {
  readonly servers: Servers;
  readonly envoy: Envoy;
  readonly port: number;
  readonly record: Recorder;
}

/** A cluster for each policy; for the failing endpoint, which is told apart by its port, with outlier detection. */
async function clustersOf({ ports }: Servers): Promise<Readonly<Record<string, Cluster>>> {
  const five = ports.slice(0, 5);
  const good = ports.slice(0, 4);
  return {
    ...Object.fromEntries(policyNames.map((policy) => [nameOf(policy), { policy, ports }])),
    refusing: { policy: "latency-aware", ports: [...good, await freePort()], ejects: true },
    failing: { policy: "latency-aware", ports: five, ejects: true },
  };
}

function nameOf(policy: PolicyName): string {
  return policy.replaceAll(" ", "-");
}

async function measureAll(bench: Bench): Promise<void> {
  await measureSlow(bench);
  await measureMixed(bench);
  await measureFailing(bench);
  await measureCpu(bench);
}

async function measureSlow(bench: Bench): Promise<void> {
  const { servers, record } = bench;
  const results = new Map<PolicyName, LoadResult>();
  for (const policy of policyNames) {
    await send(bench, nameOf(policy), seconds.warmUp);
    servers.set(0, { delayMs: 2_000, status: 200 });
    const result = await send(bench, nameOf(policy), seconds.slow);
    servers.set(0, quick);
    results.set(policy, result);
    record(`${scenarios.slow}: ${policy}: failed`, failed(result));
    record(`${scenarios.slow}: ${policy}: p99`, result.all.p99Ms);
  }
  const [own, two, scan] = (["latency-aware", "least request", "full scan"] as const).map((policy) =>
    results.get(policy),
  );
  if (own === undefined || two === undefined || scan === undefined) return;
  record(`${scenarios.slow}: p99 ÷ p99 of least request`, own.all.p99Ms / two.all.p99Ms);
  record(`${scenarios.slow}: failed - failed by full scan`, failed(own) - failed(scan));
}

async function measureMixed(bench: Bench): Promise<void> {
  const { servers, record } = bench;
  for (const index of [0, 1]) servers.set(index, { delayMs: 40, status: 200 });
  const results = new Map<PolicyName, LoadResult>();
  for (const policy of policyNames) {
    await send(bench, nameOf(policy), seconds.warmUp);
    await servers.counts();
    const result = await send(bench, nameOf(policy), seconds.mixed);
    const [one = 0, two = 0] = await servers.counts();
    results.set(policy, result);
    record(`${scenarios.mixed}: ${policy}: mean`, result.all.meanMs);
    record(`${scenarios.mixed}: ${policy}: p99`, result.all.p99Ms);
    record(`${scenarios.mixed}: ${policy}: to the slow ones`, (100 * (one + two)) / result.requests);
  }
  for (const index of [0, 1]) servers.set(index, quick);
  const [own, least] = [results.get("latency-aware"), results.get("least request")];
  if (own === undefined || least === undefined) return;
  record(`${scenarios.mixed}: mean ÷ mean of least request`, own.all.meanMs / least.all.meanMs);
  record(`${scenarios.mixed}: p99 ÷ p99 of least request`, own.all.p99Ms / least.all.p99Ms);
}

async function measureFailing(bench: Bench): Promise<void> {
  const { servers, record } = bench;
  record(`${scenarios.refusing}: failed`, failed(await send(bench, "refusing", seconds.failing)));
  servers.set(4, { delayMs: 0, status: 503 });
  await servers.counts();
  const result = await send(bench, "failing", seconds.failing);
  const counts = await servers.counts();
  servers.set(4, quick);
  record(`${scenarios.failing}: failed`, failed(result));
  record(`${scenarios.failing}: to the failing one`, (100 * (counts[4] ?? 0)) / result.requests);
}

/** In short rounds, so that what else the machine does touches all policies alike. */
async function measureCpu(bench: Bench): Promise<void> {
  const { envoy, record } = bench;
  const used = new Map<PolicyName, number>(policyNames.map((policy) => [policy, 0]));
  let requests = 0;
  for (let round = 0; round < 3; round++) {
    for (const policy of policyNames) {
      const before = cpuSeconds(envoy.pid);
      const result = await send(bench, nameOf(policy), seconds.cpu, 2 * perSecond);
      used.set(policy, (used.get(policy) ?? 0) + cpuSeconds(envoy.pid) - before);
      requests = result.requests * (round + 1);
    }
  }
  for (const [policy, cpu] of used) record(`CPU per request: ${policy}`, (cpu * 1e6) / requests);
  record(
    "CPU per request ÷ that of round robin",
    (used.get("latency-aware") ?? 0) / (used.get("round robin") ?? 0),
  );
}

function failed({ failures, requests }: LoadResult): number {
  return (100 * failures) / requests;
}

async function send(
  { port }: Bench,
  name: string,
  duration: number,
  rate: number = perSecond,
): Promise<LoadResult> {
  const load: Load = {
    url: `http://127.0.0.1:${port}/${name}`,
    perSecond: rate,
    connections,
    seconds: duration,
  };
  const program = join(import.meta.dirname, "local-mesh", "load-generator.ts");
  const { stdout } = await run(process.execPath, [program, JSON.stringify(load)]);
  return JSON.parse(stdout) as LoadResult;
}
