// How much a proxy sends to a cluster at a time; what is beyond it is answered with 503 and the flag UO.
import type { CircuitBreakersSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/circuit_breaker";
import { largestCount } from "#model/counts.ts";
import type { ConnectionPool, RetryBudget } from "#model/policy.ts";
import { duration, type Init } from "../messages.ts";

/**
 * Retries may be a fifth of the requests: Envoy's own limit of three at a time would leave most requests without one
 * when a pod goes away under load. What waits for one connection fails together when that cannot be had, and is all that
 * is under way then, so that a hundred are always allowed: as many as with ten a second over ten seconds, which is what
 * others have.
 */
const aFifth: RetryBudget = { percent: 20, minConcurrency: 100 };

/** No limit that nobody asked for, but on retries. */
export function circuitBreakers(
  pool: ConnectionPool = {},
  budget: RetryBudget | undefined,
): Init<typeof CircuitBreakersSchema> {
  return {
    thresholds: [
      {
        maxConnections: pool.maxConnections ?? largestCount,
        maxPendingRequests: pool.maxPendingRequests ?? largestCount,
        maxRequests: pool.maxRequests ?? largestCount,
        // A budget goes before a number.
        ...(budget === undefined && pool.maxRetries !== undefined
          ? { maxRetries: pool.maxRetries }
          : { retryBudget: retryBudget(budget ?? aFifth) }),
      },
    ],
  };
}

function retryBudget({ percent, minConcurrency, intervalMs }: RetryBudget) {
  return {
    budgetPercent: { value: percent },
    minRetryConcurrency: minConcurrency,
    ...(intervalMs === undefined ? {} : { budgetInterval: duration(intervalMs) }),
  };
}
