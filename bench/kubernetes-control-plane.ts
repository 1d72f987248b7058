// What the control plane takes on Kubernetes: with many pods that do nothing, and with pods that come and go.
import { setTimeout as sleep } from "node:timers/promises";
import { leaderLease, systemNamespace } from "#model/installation.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { type BenchCluster, meshed, withCluster } from "./cluster/cluster.ts";
import { PaperPods } from "./cluster/paper-pods.ts";
import { cpuSecondsOf, memoryOf, monotonicMs } from "./processes.ts";
import type { Benchmark } from "./report.ts";

const pods = 500;
const perSecond = 20;
const settleMs = 20_000;
const windowMs = 60_000;

const idle = `${pods} pods, nothing happens`;
const churn = `${perSecond} pods/s come and go`;

/** See docs/performance.md. */
export const benchmark: Benchmark = {
  figures: [idle, churn].flatMap((name) => [
    { name: `${name}: CPU of a replica`, unit: "s/min" },
    { name: `${name}: CPU of the leader`, unit: "s/min" },
    { name: `${name}: RSS of the larger replica`, unit: "MB" },
    { name: `${name}: of that, its own (RssAnon)`, unit: "MB" },
  ]),
  runs: 3,
  run: (record, runs) =>
    withCluster(async (cluster) => {
      await cluster.install();
      const paper = new PaperPods(cluster.client, await cluster.createNamespace("bench", meshed));
      await paper.prepare();
      for (let count = 0; count < pods; count += perSecond) await paper.create(perSecond);
      for (let run = 0; run < runs; run++) {
        await sleep(settleMs);
        await measure(cluster, record, idle, () => sleep(windowMs));
        await measure(cluster, record, churn, () => comeAndGo(paper));
      }
    }),
};

async function comeAndGo(paper: PaperPods): Promise<void> {
  const end = monotonicMs() + windowMs;
  while (monotonicMs() < end) {
    const second = sleep(1_000);
    await Promise.all([paper.create(perSecond), paper.remove(perSecond)]);
    await second;
  }
}

interface Usage {
  readonly pod: string;
  readonly isLeader: boolean;
  readonly cpu: number;
  readonly rss: number;
  readonly anonymous: number;
}

async function measure(
  cluster: BenchCluster,
  record: (name: string, value: number) => void,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const before = await usage(cluster);
  const start = monotonicMs();
  await work();
  const minutes = (monotonicMs() - start) / 60_000;
  const after = await usage(cluster);
  for (const { pod, isLeader, cpu } of after) {
    const used = (cpu - (before.find((each) => each.pod === pod)?.cpu ?? Number.NaN)) / minutes;
    record(`${name}: CPU of ${isLeader ? "the leader" : "a replica"}`, used);
  }
  const largest = after.toSorted((a, b) => b.rss - a.rss)[0];
  record(`${name}: RSS of the larger replica`, largest?.rss ?? Number.NaN);
  record(`${name}: of that, its own (RssAnon)`, largest?.anonymous ?? Number.NaN);
}

/** Prints what the kernel says about the first process of the container. */
const look =
  'const fs = require("node:fs"); const read = (name) => fs.readFileSync("/proc/1/" + name, "utf8");' +
  'console.log(JSON.stringify({ stat: read("stat"), status: read("status") }))';

/** Of every replica of the control plane. */
async function usage(cluster: BenchCluster): Promise<readonly Usage[]> {
  const { client } = cluster;
  const { items } = await client.request<{ readonly items: readonly Pod[] }>(
    "GET",
    `/api/v1/namespaces/${systemNamespace}/pods`,
    { query: { labelSelector: "app=heddle" } },
  );
  const { spec } = await client.request<{ readonly spec: { readonly holderIdentity: string } }>(
    "GET",
    `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases/${leaderLease}`,
  );
  return Promise.all(
    items.map(async ({ metadata: { name } }) => {
      const seen = await cluster.execInPod(systemNamespace, name, ["node", "-e", look]);
      const { stat, status } = JSON.parse(seen) as { readonly stat: string; readonly status: string };
      return {
        pod: name,
        isLeader: spec.holderIdentity.startsWith(name),
        cpu: cpuSecondsOf(stat),
        rss: memoryOf(status, "VmRSS"),
        anonymous: memoryOf(status, "RssAnon"),
      };
    }),
  );
}
