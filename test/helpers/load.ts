// A constant load in a cluster: a pod that calls without end, which needs no API server to go on.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import type { Counts } from "#test/local/apps/load.ts";
import type { Cluster } from "./cluster.ts";
import { deployment, type PodOptions } from "./cluster-workloads.ts";

export type { Counts };

/** A Deployment of test/local/apps/load.ts. */
export function loadGenerator(
  namespace: string,
  name: string,
  { rate, post, urls }: { readonly rate: number; readonly post?: boolean; readonly urls: readonly string[] },
  options: PodOptions = {},
): KubernetesObject {
  const flags = ["--rate", String(rate), ...(post === true ? ["--post"] : [])];
  return deployment(namespace, name, ["node", "/apps/load.js", ...flags, ...urls], options);
}

/** What became of the calls since the last time. */
export async function takeCounts(cluster: Cluster, namespace: string, name: string): Promise<Counts> {
  const command = ["curl", "-sS", "http://127.0.0.1:9999/"];
  const text = await cluster.execInPod(namespace, `deployment/${name}`, command, { container: "app" });
  return JSON.parse(text) as Counts;
}

/** Waits until calls succeed and none hangs, and forgets those that failed before. */
export async function loadRuns(cluster: Cluster, namespace: string, name: string): Promise<void> {
  await cluster.rolledOut(namespace, `deployment/${name}`, 120);
  let last: Counts | undefined;
  for (let attempt = 0; attempt < 60; attempt++) {
    last = await takeCounts(cluster, namespace, name);
    // Cluster networks are slow to find a new pod: a call from before would fail in the midst of what is tested.
    if (last.succeeded >= 5 && last.failures.length === 0 && last.longestWait < 500) return;
    await sleep(500);
  }
  const seen = `${last?.succeeded} succeeded, one waits for ${last?.longestWait} ms, ${last?.failures[0] ?? "none failed"}`;
  assert.fail(`the calls of ${namespace}/${name} do not go well: ${seen}`);
}

/** Under the load, none fails while `action` runs and for a moment after it. */
export async function losesNothing(
  cluster: Cluster,
  [namespace, name]: readonly [namespace: string, name: string],
  action: () => Promise<void>,
): Promise<Counts> {
  await takeCounts(cluster, namespace, name);
  await action();
  // Calls that began during the action may fail later.
  await sleep(1_000);
  const counts = await takeCounts(cluster, namespace, name);
  assert.deepEqual(counts.failures.slice(0, 10), [], `${counts.failures.length} calls failed`);
  assert.ok(counts.succeeded > 0, "there was no load");
  return counts;
}
