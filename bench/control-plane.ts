// The control plane alone, against many clients that behave as Envoy does.
import { setTimeout as sleep } from "node:timers/promises";
import { clusterName } from "#envoy/names.ts";
import { endpointsType } from "#xds/type-urls.ts";
import { type ServerProcess, startServer } from "./control-plane/server-process.ts";
import {
  hostnameOf,
  identityOf,
  type MeshSize,
  usedBy,
  virtualHostOf,
} from "./control-plane/synthetic-mesh.ts";
import { type LoadClient, startLoadClient } from "./load-client/load-client.ts";
import { cpuSeconds, memory } from "./processes.ts";
import type { Benchmark, Figure, Recorder } from "./report.ts";
import { median, percentile } from "./statistics.ts";

const full: MeshSize = { services: 1000, proxies: 1000 };
const many: MeshSize = { services: 5000, proxies: 200 };
const few: MeshSize = { services: 100, proxies: 200 };
const servicesUsed = 10;
const changesPerRun = 20;
const warmUpChanges = 10;
const betweenChangesMs = 200;
/** Longer than a reconnected proxy may take to say what it still uses. */
const quietMs = 3_000;
/** Two runs of the same program differ by as much. */
const noise = 1.1;

const plain = "1,000 × 1,000 × 10";
const secure = `${plain}, TLS`;

const figures: readonly Figure[] = [
  { name: `${plain}: initial sync`, unit: "s", atMost: 4 },
  { name: `${plain}: initial sync, server`, unit: "CPU-s", atMost: 4 },
  { name: `${plain}: server's RSS, peak`, unit: "MB", atMost: 400 },
  { name: `${plain}: sent per proxy`, unit: "kB", atMost: 60 },
  { name: `${plain}: endpoint change, p99 of 1,000`, unit: "ms", atMost: 60 },
  { name: `${plain}: endpoint change, server`, unit: "CPU-s", atMost: 0.1 },
  { name: `${plain}: route change, last of 1,000`, unit: "ms", atMost: 100 },
  { name: `${plain}: route change, server`, unit: "CPU-s", atMost: 0.2 },
  { name: `${plain}: all reconnect, sent per proxy`, unit: "kB" },
  { name: `${plain}: all reconnect, server`, unit: "CPU-s" },
  { name: `${secure}: initial sync`, unit: "s" },
  { name: `${secure}: initial sync, server`, unit: "CPU-s" },
  { name: `${secure}: CPU ÷ CPU without`, unit: "×", atMost: 2.5 },
  { name: `${secure}: server's RSS, peak`, unit: "MB" },
  { name: "100 × 200 × 10: initial sync, server", unit: "CPU-s" },
  { name: "5,000 × 200 × 10: initial sync, server", unit: "CPU-s" },
  { name: "5,000 × 200 × 10: sync ÷ sync with 100 services", unit: "×", atMost: noise },
  { name: "5,000 × 200 × 10: CPU ÷ CPU with 100 services", unit: "×", atMost: noise },
  { name: "5,000 × 200 × 10: bytes ÷ bytes with 100 services", unit: "×", atMost: noise },
  { name: "5,000 × 200 × 10: server's RSS, peak", unit: "MB" },
];

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures,
  run: async (record, runs) => {
    for (let run = 0; run < runs; run++) {
      const insecure = await withMesh(full, false, full.services, async (synced, server, client) => {
        recordSync(record, plain, synced);
        record(`${plain}: sent per proxy`, synced.bytesPerProxy / 1000);
        await measureChanges(record, server, client);
        await measureReconnect(record, server, client);
        return synced;
      });
      await withMesh(full, true, full.services, async (synced) => {
        recordSync(record, secure, synced);
        record(`${secure}: CPU ÷ CPU without`, synced.cpu / insecure.cpu);
      });
      await measureScale(record);
    }
  },
};

interface Synced {
  readonly seconds: number;
  readonly cpu: number;
  readonly bytesPerProxy: number;
  readonly peakMemory: number;
}

/** Starts a server and its clients, waits until all have what they use, and ends both afterwards. */
async function withMesh<T>(
  size: MeshSize,
  secured: boolean,
  spread: number,
  use: (synced: Synced, server: ServerProcess, client: LoadClient) => Promise<T>,
): Promise<T> {
  const server = await startServer(size, secured);
  const client = await startLoadClient();
  try {
    const before = cpuSeconds(server.pid);
    const { timesMs, bytes } = await client.open(
      server.target,
      server.tokens.map((token, index) => ({
        id: `sidecar~${identityOf(index).pod}`,
        token,
        uses: usedBy(index, servicesUsed, spread),
        secrets: secured ? ["default", "ROOTCA"] : [],
        rejects: [],
        delayMs: 0,
      })),
    );
    const synced = {
      seconds: Math.max(...timesMs) / 1000,
      cpu: cpuSeconds(server.pid) - before,
      bytesPerProxy: Math.max(...bytes),
      peakMemory: memory(server.pid, "VmHWM"),
    };
    const result = await use(synced, server, client);
    await client.bytes();
    return result;
  } finally {
    await client.close();
    await server.close();
  }
}

function recordSync(record: Recorder, prefix: string, synced: Synced): void {
  record(`${prefix}: initial sync`, synced.seconds);
  record(`${prefix}: initial sync, server`, synced.cpu);
  record(`${prefix}: server's RSS, peak`, synced.peakMemory);
}

async function measureChanges(record: Recorder, server: ServerProcess, client: LoadClient): Promise<void> {
  const endpoints = {
    typeUrl: endpointsType,
    name: clusterName({ kind: "service", hostname: hostnameOf(0), port: 80, subset: "" }),
  };
  const endpoint = await timeChanges(server, (number) =>
    client.timesOfChange(endpoints, () => server.change({ kind: "change endpoint", generation: number + 1 })),
  );
  record(
    `${plain}: endpoint change, p99 of 1,000`,
    median(endpoint.times.map((times) => percentile(times, 0.99))),
  );
  record(`${plain}: endpoint change, server`, endpoint.cpu);
  const route = await timeChanges(server, (number) =>
    client.timesOfChange(virtualHostOf(0), () => server.change({ kind: "change route", weight: number + 2 })),
  );
  record(`${plain}: route change, last of 1,000`, median(route.times.map((times) => Math.max(...times))));
  record(`${plain}: route change, server`, route.cpu);
}

/** Makes changes one after the other; the first ones, while the server's code is being compiled, do not count. */
async function timeChanges(
  server: ServerProcess,
  change: (number: number) => Promise<readonly number[]>,
): Promise<{ readonly times: readonly (readonly number[])[]; readonly cpu: number }> {
  const times: (readonly number[])[] = [];
  let before = 0;
  for (let number = 0; number < warmUpChanges + changesPerRun; number++) {
    await sleep(betweenChangesMs);
    if (number === warmUpChanges) before = cpuSeconds(server.pid);
    const took = await change(number);
    if (number >= warmUpChanges) times.push(took);
  }
  await sleep(betweenChangesMs);
  return { times, cpu: (cpuSeconds(server.pid) - before) / changesPerRun };
}

async function measureReconnect(record: Recorder, server: ServerProcess, client: LoadClient): Promise<void> {
  const before = cpuSeconds(server.pid);
  await client.reconnect();
  await sleep(quietMs);
  record(`${plain}: all reconnect, server`, cpuSeconds(server.pid) - before);
  record(`${plain}: all reconnect, sent per proxy`, (await client.bytes()) / full.proxies / 1000);
}

/** A mesh of fifty times the services, of which the proxies use as many as before. */
async function measureScale(record: Recorder): Promise<void> {
  const small = await withMesh(few, false, few.services, async (synced) => synced);
  const large = await withMesh(many, false, few.services, async (synced) => synced);
  record("100 × 200 × 10: initial sync, server", small.cpu);
  record("5,000 × 200 × 10: initial sync, server", large.cpu);
  record("5,000 × 200 × 10: sync ÷ sync with 100 services", large.seconds / small.seconds);
  record("5,000 × 200 × 10: CPU ÷ CPU with 100 services", large.cpu / small.cpu);
  record("5,000 × 200 × 10: bytes ÷ bytes with 100 services", large.bytesPerProxy / small.bytesPerProxy);
  record("5,000 × 200 × 10: server's RSS, peak", large.peakMemory);
}
