/**
 * Applications that exit at once on SIGTERM are still sent requests by those who have not heard of it yet. A `sleep`
 * before the signal lets them hear: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 */
import type { PodSpec } from "#model/kubernetes/pod.ts";

/** Seconds, in the place of those of the settings; `0` for none. */
export const terminationDelayAnnotation = "heddle.dev/termination-delay";

/** What Kubernetes gives a pod that does not say how long it may take to end. */
export const defaultGraceSeconds = 30;

/**
 * Delays the signal to all containers that have no `preStop` of their own. Not in pods that end by themselves, which
 * serve nobody. Kubernetes wants the delay to be shorter than the pod's grace period.
 */
export function delayTermination(spec: PodSpec, seconds: number): PodSpec {
  const longest = (spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) - 1;
  const delay = Math.min(seconds, longest);
  if (delay < 1 || (spec.restartPolicy ?? "Always") !== "Always") return spec;
  return {
    ...spec,
    containers: spec.containers.map((container) =>
      container.lifecycle?.preStop !== undefined
        ? container
        : {
            ...container,
            lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds: delay } } },
          },
    ),
  };
}
