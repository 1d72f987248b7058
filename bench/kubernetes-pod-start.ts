// How much longer a pod takes until it is ready when it gets a sidecar.
import type { InjectionMode } from "#install/settings.ts";
import { type BenchCluster, meshed, withCluster } from "./cluster/cluster.ts";
import { startOf } from "./cluster/pod-start.ts";
import type { Benchmark } from "./report.ts";

const plain = "pod without sidecar, creation to ready";
const withSidecar = (mode: InjectionMode) => `pod with sidecar, by ${mode}`;
const added = (mode: InjectionMode) => `what the sidecar adds, by ${mode}`;
const modes: readonly InjectionMode[] = ["webhook", "policy"];

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: plain, unit: "s" },
    ...modes.flatMap((mode) => [
      { name: withSidecar(mode), unit: "s" },
      { name: added(mode), unit: "s", atMost: 1.2 },
    ]),
  ],
  runs: 15,
  run: (record, runs) =>
    withCluster(async (cluster) => {
      const [bare, injected] = [
        await cluster.createNamespace("bench"),
        await cluster.createNamespace("bench", meshed),
      ];
      for (const mode of modes) {
        await cluster.install(mode);
        await start(cluster, injected, "warm");
        for (let run = 0; run < runs; run++) {
          const bareStart = await start(cluster, bare, `${mode}-${run}`);
          const meshedStart = await start(cluster, injected, `${mode}-${run}`);
          record(plain, bareStart);
          record(withSidecar(mode), meshedStart);
          record(added(mode), meshedStart - bareStart);
        }
      }
    }),
};

/** Seconds. */
async function start({ client }: BenchCluster, namespace: string, name: string): Promise<number> {
  return (await startOf(client, namespace, name)) / 1000;
}
