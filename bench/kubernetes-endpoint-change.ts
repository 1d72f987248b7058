// How long an EndpointSlice takes from the API server into a sidecar.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BenchCluster, meshed, withCluster } from "./cluster/cluster.ts";
import type { Sighting } from "./cluster/endpoints-of-proxy.ts";
import { idlePod } from "./cluster/pod-start.ts";
import { monotonicMs } from "./processes.ts";
import type { Benchmark } from "./report.ts";
import { percentile } from "./statistics.ts";

const changes = 100;
const everyMs = 200;
const half = `EndpointSlice change to sidecar, p50 of ${changes}`;
const most = `EndpointSlice change to sidecar, p99 of ${changes}`;
const watcher = join(import.meta.dirname, "cluster", "endpoints-of-proxy.ts");
/** Of a range for benchmarks: nobody is there. */
const addressOf = (change: number) => `198.18.${change >> 8}.${change & 255}`;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: half, unit: "ms" },
    { name: most, unit: "ms", atMost: 100 },
  ],
  run: (record, runs) =>
    withCluster(async (cluster) => {
      await cluster.install();
      const space = await cluster.createNamespace("bench", meshed);
      await cluster.client.request("POST", `/api/v1/namespaces/${space}/pods`, { body: idlePod("client") });
      await cluster.kubectl(["wait", "-n", space, "pod/client", "--for=condition=Ready", "--timeout=60s"]);
      for (let run = 0; run < runs; run++) {
        const times = await measure(cluster, space, run);
        record(half, percentile(times, 0.5));
        record(most, percentile(times, 0.99));
      }
    }),
};

/** Milliseconds from each request that changes the slice until the sidecar has what it says. */
async function measure(cluster: BenchCluster, space: string, run: number): Promise<readonly number[]> {
  const { client } = cluster;
  const service = `service-${run}`;
  // The sidecar keeps the services of earlier runs.
  const first = run * (changes + 2);
  const last = first + changes + 1;
  await client.request("POST", `/api/v1/namespaces/${space}/services`, { body: serviceNamed(service) });
  const slices = `/apis/discovery.k8s.io/v1/namespaces/${space}/endpointslices`;
  await client.request("POST", slices, { body: sliceOf(service, first) });
  const argument = JSON.stringify({ url: `http://${service}/`, last: addressOf(last) });
  const program = ["node", "--input-type=module-typescript", "-e", readFileSync(watcher, "utf8"), argument];
  const watching = cluster.execInPod(space, "client", program, { container: "application" });
  await sleep(warmUpMs);
  const sent: number[] = [];
  for (let change = first + 1; change <= last; change++) {
    sent[change] = monotonicMs();
    await client.request("PATCH", `${slices}/${service}`, {
      contentType: "application/merge-patch+json",
      body: { endpoints: [{ addresses: [addressOf(change)] }] },
    });
    await sleep(everyMs);
  }
  const seen = JSON.parse(await watching) as readonly Sighting[];
  // All but the last, whose arrival ends the program.
  return Array.from({ length: changes }, (_none, index) => {
    const change = first + 1 + index;
    return arrival(seen, change) - (sent[change] ?? 0);
  });
}

/** The program in the pod starts, and the sidecar asks for the Service. */
const warmUpMs = 3_000;

/** A sidecar that was late may have got a later change at once. */
function arrival(seen: readonly Sighting[], change: number): number {
  const numberOf = (address: string) => {
    const [, , high = 0, low = 0] = address.split(".").map(Number);
    return high * 256 + low;
  };
  return Math.min(...seen.filter(({ address }) => numberOf(address) >= change).map(({ at }) => at));
}

function serviceNamed(name: string): object {
  const ports = [{ name: "http", port: 80, targetPort: 8080 }];
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports } };
}

function sliceOf(service: string, change: number): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: service, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    endpoints: [{ addresses: [addressOf(change)] }],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  };
}
