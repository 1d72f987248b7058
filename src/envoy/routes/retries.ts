// When a request is sent again.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RetryPolicySchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { PreviousHostsPredicateSchema } from "@heddle/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { PreviousPrioritiesConfigSchema } from "@heddle/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config";
import { type RetryPolicy, unprocessedConditions } from "#model/route.ts";
import { duration, extension } from "../messages.ts";
import { unprocessedHeader } from "../names.ts";

type RetryPolicyInit = MessageInitShape<typeof RetryPolicySchema>;

/** Again only where the request was provably not processed. */
const safe: RetryPolicy = {
  attempts: 2,
  on: unprocessedConditions,
  statuses: [],
};

/**
 * Conditions about connections. The one between a server's sidecar and its application is behind an answer, so these
 * ask for that answer, too.
 */
const aboutConnections: readonly string[] = [
  "connect-failure",
  "refused-stream",
  "reset",
  "reset-before-request",
];

/** Undefined where a request is sent once only, for as long as it takes. */
export function retries(
  policy: RetryPolicy = safe,
  attemptTimeoutMs: number | undefined,
): RetryPolicyInit | undefined {
  const timeout = attemptTimeoutMs === undefined ? {} : { perTryTimeout: duration(attemptTimeoutMs) };
  if (policy.attempts === 0) return attemptTimeoutMs === undefined ? undefined : timeout;
  const { attempts, on, statuses, backoffMs, samePreviousEndpoints, otherLocalities } = policy;
  const byMark = on.some((condition) => aboutConnections.includes(condition));
  return {
    retryOn: [
      ...on,
      ...(byMark ? ["retriable-headers"] : []),
      ...(statuses.length > 0 ? ["retriable-status-codes"] : []),
    ].join(","),
    numRetries: attempts,
    retriableStatusCodes: [...statuses],
    ...(byMark ? { retriableHeaders: [unprocessedMark] } : {}),
    ...(samePreviousEndpoints === true ? {} : otherEndpoint),
    ...(otherLocalities === true ? { retryPriority: otherPriority } : {}),
    ...(backoffMs === undefined ? {} : { retryBackOff: growing(backoffMs) }),
    ...timeout,
  };
}

const unprocessedMark = {
  name: unprocessedHeader,
  headerMatchSpecifier: { case: "presentMatch", value: true },
} as const;

const otherEndpoint = {
  retryHostPredicate: [extension("previous_hosts", PreviousHostsPredicateSchema, {})],
  hostSelectionRetryMaxAttempts: 5n,
};

/** Localities are priorities; two attempts go to one before the next has its turn. */
const otherPriority = extension("previous_priorities", PreviousPrioritiesConfigSchema, {
  updateFrequency: 2,
});

function growing(milliseconds: number): RetryPolicyInit["retryBackOff"] {
  return { baseInterval: duration(milliseconds), maxInterval: duration(10 * milliseconds) };
}
