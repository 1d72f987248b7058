import { largestCount } from "../counts.ts";
import { parseDuration } from "../duration.ts";
import type { RetryPolicy } from "../route.ts";
import type { HttpRouteRetry } from "./http-route.ts";

/** How often again where the route does not say. */
const attempts = 2;

/**
 * API object → domain type. Beside the statuses named, whatever cuts an attempt off is retried: the connection fails or
 * is reset, or the attempt takes longer than `timeouts.backendRequest`. https://gateway-api.sigs.k8s.io/geps/gep-1731/
 */
export function retryPolicy(retry: HttpRouteRetry): RetryPolicy {
  const backoffMs = retry.backoff === undefined ? undefined : parseDuration(retry.backoff);
  return {
    attempts: Math.min(retry.attempts ?? attempts, largestCount),
    on: ["connect-failure", "refused-stream", "reset"],
    statuses: retry.codes ?? [],
    // Envoy has no shorter wait.
    ...(backoffMs === undefined ? {} : { backoffMs: Math.max(backoffMs, 1) }),
  };
}
