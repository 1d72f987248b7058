import { parseDuration } from "../duration.ts";
import type { RetryBudget } from "../policy.ts";
import type { RetryConstraint } from "./backend-traffic-policy.ts";

/**
 * API object → domain type. A rate of retries is taken for as many at a time as come in a second.
 * https://gateway-api.sigs.k8s.io/geps/gep-3388/
 */
export function retryBudget({ budget, minRetryRate }: RetryConstraint): RetryBudget {
  const seconds = (parseDuration(minRetryRate?.interval ?? "1s") ?? 1_000) / 1_000;
  return {
    percent: budget?.percent ?? 20,
    minConcurrency: Math.ceil((minRetryRate?.count ?? 10) / Math.max(seconds, 1e-3)),
    intervalMs: parseDuration(budget?.interval ?? "10s") ?? 10_000,
  };
}
