import type { Collection } from "#collections/graph.ts";
import type { Workload } from "#model/workload.ts";
import type { Refusal, TokenVerifier } from "./tokens.ts";

/** Who holds a token, or why it is worth nothing. */
export type AuthenticatePod = (token: string | undefined) => Promise<Workload | Refusal>;

/**
 * Accepts the token of a pod that runs: the pod is known, is the same one (by uid) and runs as the token's service
 * account. What a caller says of itself beside its token is never looked at.
 */
export function authenticatePods(verifier: TokenVerifier, workloads: Collection<Workload>): AuthenticatePod {
  return async (token) => {
    if (token === undefined) return { refused: "there is no bearer token" };
    const identity = await verifier.verify(token);
    if ("refused" in identity) return identity;
    const name = `${identity.namespace}/${identity.pod}`;
    const workload = workloads.get(name);
    if (workload === undefined) return { refused: `pod ${name} is not running` };
    if (workload.podUid !== identity.podUid) return { refused: `the token is of an earlier pod ${name}` };
    if (workload.serviceAccount !== identity.serviceAccount) {
      return { refused: `pod ${name} does not run as service account ${identity.serviceAccount}` };
    }
    return workload;
  };
}
