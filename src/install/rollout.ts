// How a Deployment of the control plane comes up.
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { systemNamespace } from "#model/installation.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { controlPlaneSelector } from "./control-plane.ts";
import { type ControlPlaneDeployment, deploymentPath } from "./installed.ts";

const pollMs = 500;

/** Waits until all replicas are of the applied version and ready. Throws with the reason if that takes too long. */
export async function waitForRollout(
  client: KubernetesClient,
  options: { readonly timeoutMs: number; readonly onProgress: (text: string) => void },
): Promise<void> {
  const end = performance.now() + options.timeoutMs;
  for (;;) {
    const deployment = await client.request<ControlPlaneDeployment>("GET", deploymentPath);
    const progress = rolloutProgress(deployment);
    if (progress.done) return;
    options.onProgress(progress.text);
    if (performance.now() > end) {
      const pods = await readControlPlanePods(client);
      throw new Error(rolloutFailure(progress.text, pods));
    }
    await sleep(pollMs);
  }
}

/** Whether a Deployment is what its spec says, and else how far it is. */
export function rolloutProgress({ metadata, spec, status }: ControlPlaneDeployment): {
  readonly done: boolean;
  readonly text: string;
} {
  const wanted = spec.replicas ?? 1;
  // A status of an earlier generation says nothing of this one.
  const seen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const updated = seen ? (status?.updatedReplicas ?? 0) : 0;
  const available = seen ? Math.min(status?.availableReplicas ?? 0, updated) : 0;
  const old = seen ? (status?.replicas ?? 0) - updated : 0;
  return {
    done: seen && updated === wanted && available === wanted && old === 0,
    text: `${available} of ${wanted} replicas ready${old > 0 ? `, ${old} of the old version to end` : ""}`,
  };
}

export async function readControlPlanePods(client: KubernetesClient): Promise<readonly Pod[]> {
  const labelSelector = Object.entries(controlPlaneSelector)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const list = await client.request<{ readonly items: readonly Pod[] }>(
    "GET",
    `/api/v1/namespaces/${systemNamespace}/pods`,
    { query: { labelSelector } },
  );
  return list.items;
}

/** Why the replicas are not ready, from what Kubernetes says of their containers. */
export function rolloutFailure(progress: string, pods: readonly Pod[]): string {
  const reasons = pods.flatMap(({ metadata: { name }, status }) => {
    const unscheduled = status?.conditions?.find(
      (condition) => condition.type === "PodScheduled" && condition.status === "False",
    );
    const waiting = (status?.containerStatuses ?? []).flatMap(({ state }) =>
      state?.waiting === undefined ? [] : [`${state.waiting.reason} ${state.waiting.message ?? ""}`.trim()],
    );
    const notScheduled = unscheduled === undefined ? [] : [unscheduled.message ?? "is not scheduled"];
    return [...notScheduled, ...waiting].map((reason) => `  ${name}: ${reason}`);
  });
  const why = reasons.length > 0 ? reasons : ["  kubectl describe pods shows more"];
  return [
    `the control plane does not get ready (${progress}); it is installed, and heddle install goes on where this ended`,
    ...new Set(why),
    `  kubectl -n ${systemNamespace} logs deploy/heddle`,
  ].join("\n");
}
