// When a request is sent again.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RetryPolicySchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { PreviousHostsPredicateSchema } from "@heddle/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import { duration, extension } from "./messages.ts";

/** Set by a server's sidecar on a reply to a request that its application never saw: it is safe to retry. */
export const unprocessedHeader = "x-heddle-unprocessed";

/** Again only where the request was provably not processed. */
export function safeRetries(
  attemptTimeoutMs: number | undefined,
): MessageInitShape<typeof RetryPolicySchema> {
  return {
    retryOn: "connect-failure,refused-stream,reset-before-request,retriable-headers",
    numRetries: 2,
    retriableHeaders: [
      { name: unprocessedHeader, headerMatchSpecifier: { case: "presentMatch", value: true } },
    ],
    retryHostPredicate: [
      extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicateSchema, {}),
    ],
    hostSelectionRetryMaxAttempts: 5n,
    ...(attemptTimeoutMs === undefined ? {} : { perTryTimeout: duration(attemptTimeoutMs) }),
  };
}
