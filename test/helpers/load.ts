// A constant load in a cluster: a pod that calls without end, which needs no API server to go on.
import assert from "node:assert/strict";
import type { KubernetesObject } from "#model/object.ts";
import type { Counts } from "#test/local/apps/load.ts";
import type { Cluster } from "./cluster.ts";
import { deployment, type PodOptions } from "./cluster-workloads.ts";
import { until } from "./wait.ts";

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

/** What became of the calls that have ended since the last time. */
export async function takeCounts(cluster: Cluster, namespace: string, name: string): Promise<Counts> {
  const command = ["curl", "-sS", "http://127.0.0.1:9999/"];
  const text = await cluster.execInPod(namespace, `deployment/${name}`, command, { container: "app" });
  return JSON.parse(text) as Counts;
}

/** Longer than a call may take (test/local/apps/load.ts). */
const callsEndWithinMs = 120_000;

/** The same of all that have begun until now: waits until they have ended. */
export async function takeEnded(cluster: Cluster, namespace: string, name: string): Promise<Counts> {
  const begin = performance.now();
  const counts: Counts[] = [];
  await until(
    async () => {
      const passed = performance.now() - begin;
      const last = await takeCounts(cluster, namespace, name);
      counts.push(last);
      return last.longestWait < passed;
    },
    `the end of the calls of ${namespace}/${name}`,
    callsEndWithinMs,
  );
  return counts.reduce(together);
}

function together(one: Counts, other: Counts): Counts {
  const answered = { ...one.answered };
  for (const [name, count] of Object.entries(other.answered)) answered[name] = (answered[name] ?? 0) + count;
  return {
    succeeded: one.succeeded + other.succeeded,
    failures: [...one.failures, ...other.failures],
    slowest: Math.max(one.slowest, other.slowest),
    calls: [...one.calls, ...other.calls],
    answered,
    longestWait: other.longestWait,
  };
}

/**
 * Waits until all goes well: calls succeed, and those that began before the last failure have ended. Cluster networks are
 * slow to find a new pod, and a call from before would fail in the midst of what is tested.
 */
export async function loadRuns(cluster: Cluster, namespace: string, name: string): Promise<void> {
  await cluster.rolledOut(namespace, `deployment/${name}`);
  let last: Counts | undefined;
  let since = performance.now();
  const seen = (): string =>
    `${last?.succeeded} succeeded, one waits for ${last?.longestWait} ms, ${last?.failures[0] ?? "none failed"}`;
  await until(
    async () => {
      const before = performance.now();
      last = await takeCounts(cluster, namespace, name);
      if (last.failures.length > 0 || last.succeeded === 0) since = performance.now();
      return last.longestWait < before - since;
    },
    `the calls of ${namespace}/${name} to go well`,
    callsEndWithinMs,
  ).catch((error) => assert.fail(`${String(error)}: ${seen()}`));
}

/** Under the load, no call fails that runs while `action` does. */
export async function losesNothing(
  cluster: Cluster,
  [namespace, name]: readonly [namespace: string, name: string],
  action: () => Promise<void>,
): Promise<void> {
  await takeCounts(cluster, namespace, name);
  await action();
  const { failures, succeeded } = await takeEnded(cluster, namespace, name);
  assert.deepEqual(failures.slice(0, 10), [], `${failures.length} calls failed`);
  assert.ok(succeeded > 0, "there was no load");
}
