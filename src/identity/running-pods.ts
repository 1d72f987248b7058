import type { Collection } from "#collections/graph.ts";
import type { Workload } from "#model/workload.ts";
import type { PodIdentity, Refusal, TokenVerifier } from "./tokens.ts";

/** Who holds a token, or why it is worth nothing. */
export type AuthenticatePod = (token: string | undefined) => Promise<Workload | Refusal>;

export interface AuthenticatePodsOptions {
  /**
   * How long a caller waits for its pod to become known: a proxy of a cluster may start before the API server has told
   * that its pod has an address. After that it is told to come again. Default: not at all, for all pods are known.
   */
  readonly patienceMs?: number;
}

/**
 * Accepts the token of a pod that runs: the pod is known, is the same one (by uid) and runs as the token's service
 * account. What a caller says of itself beside its token is never looked at.
 */
export function authenticatePods(
  verifier: TokenVerifier,
  workloads: Collection<Workload>,
  options: AuthenticatePodsOptions = {},
): AuthenticatePod {
  const waiting = new Map<string, Set<() => void>>();
  workloads.onChange((changes) => {
    if (waiting.size === 0) return;
    for (const { key } of changes) for (const wake of waiting.get(key) ?? []) wake();
  });
  return async (token) => {
    if (token === undefined) return { refused: "there is no bearer token" };
    const identity = await verifier.verify(token);
    if ("refused" in identity) return identity;
    const key = `${identity.namespace}/${identity.pod}`;
    const { patienceMs = 0 } = options;
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const answer = holderOf(identity, workloads.get(key));
      if (!("refused" in answer) || answer.again === undefined) return answer;
      // Where all pods are known, a pod that is not there does not exist.
      if (patienceMs === 0) return { refused: answer.refused };
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return answer;
      await change(waiting, key, leftMs);
    }
  };
}

function holderOf(identity: PodIdentity, workload: Workload | undefined): Workload | Refusal {
  const name = `${identity.namespace}/${identity.pod}`;
  if (workload === undefined) return { refused: `pod ${name} is not running`, again: true };
  // A pod of a StatefulSet takes the name of the one before it, which may be what is still known here.
  if (workload.podUid !== identity.podUid) {
    return { refused: `the token is of an earlier pod ${name}`, again: true };
  }
  if (workload.serviceAccount !== identity.serviceAccount) {
    return { refused: `pod ${name} does not run as service account ${identity.serviceAccount}` };
  }
  return workload;
}

/** Resolves when the key changes, or after `timeoutMs`. */
function change(waiting: Map<string, Set<() => void>>, key: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const wakers = waiting.get(key) ?? new Set();
    waiting.set(key, wakers);
    const wake = (): void => {
      clearTimeout(timer);
      wakers.delete(wake);
      if (wakers.size === 0) waiting.delete(key);
      resolve();
    };
    const timer = setTimeout(wake, timeoutMs);
    wakers.add(wake);
  });
}
