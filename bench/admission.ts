// What injection costs when a pod is created: at the webhook server, and for whoever asks the API server.
import type { InjectionMode } from "#install/settings.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { timesOfReviews } from "./admission/reviews.ts";
import { applicationImage, meshed, withCluster } from "./cluster/cluster.ts";
import { monotonicMs } from "./processes.ts";
import type { Benchmark } from "./report.ts";
import { median, percentile } from "./statistics.ts";

const reviews = 1_000;
const creations = 50;
const half = `a review of a pod, p50 of ${reviews}`;
const most = `a review of a pod, p99 of ${reviews}`;
const plain = "creating a pod that nobody injects";
const injected = (mode: InjectionMode) => `creating one that is injected by ${mode}`;
const modes: readonly InjectionMode[] = ["webhook", "policy"];

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [
    { name: half, unit: "ms" },
    { name: most, unit: "ms", atMost: 20 },
    { name: plain, unit: "ms" },
    ...modes.map((mode) => ({ name: injected(mode), unit: "ms" })),
  ],
  run: async (record, runs) => {
    for (let run = 0; run < runs; run++) {
      const times = await timesOfReviews(pod("pod"), reviews);
      record(half, percentile(times, 0.5));
      record(most, percentile(times, 0.99));
    }
    await withCluster(async (cluster) => {
      const [bare, inMesh] = [
        await cluster.createNamespace("bench"),
        await cluster.createNamespace("bench", meshed),
      ];
      for (const mode of modes) {
        await cluster.install(mode);
        for (let run = 0; run <= runs; run++) {
          const times: [number[], number[]] = [[], []];
          for (let number = 0; number < creations; number++) {
            times[0].push(await timeOfCreation(cluster.client, bare));
            times[1].push(await timeOfCreation(cluster.client, inMesh));
          }
          // The first ones warm connections up.
          if (run === 0) continue;
          record(plain, median(times[0]));
          record(injected(mode), median(times[1]));
        }
      }
    });
  },
};

/** Everything but storing it: `dryRun`. */
async function timeOfCreation(client: KubernetesClient, namespace: string): Promise<number> {
  const start = monotonicMs();
  await client.request("POST", `/api/v1/namespaces/${namespace}/pods`, {
    query: { dryRun: "All" },
    body: pod("pod"),
  });
  return monotonicMs() - start;
}

/** With three probes, which are rewritten. */
function pod(name: string): Pod {
  const probe = { httpGet: { path: "/healthy", port: "http" } };
  const container = {
    name: "application",
    image: applicationImage,
    ports: [{ name: "http", containerPort: 8080 }],
    startupProbe: probe,
    readinessProbe: probe,
    livenessProbe: probe,
  };
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { containers: [container] } };
}
