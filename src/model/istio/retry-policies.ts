// When a VirtualService has requests sent again.
import { largestCount } from "../counts.ts";
import { parseTimeout } from "../duration.ts";
import { type RetryPolicy, unprocessedConditions } from "../route.ts";
import type { HttpRetries } from "./virtual-service-http.ts";

/** Envoy's conditions, which Istio takes as they are; those of gRPC last. */
export const retryConditions: readonly string[] = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
];

/** The conditions that `retryOn` names, and the statuses. */
export function retriedOn(retryOn: string | undefined): {
  readonly on: readonly string[];
  readonly statuses: readonly number[];
} {
  const words = (retryOn ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const isStatus = (word: string) => /^[1-5]\d\d$/.test(word);
  return { on: words.filter((word) => !isStatus(word)), statuses: words.filter(isStatus).map(Number) };
}

/**
 * API type → domain type. Without `retryOn` a request is repeated only where it was not processed: Istio's own default
 * has gRPC's `unavailable`, too, which a server may say after it has done the work.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
 */
export function retryEffects(retries: HttpRetries | undefined): {
  readonly retries?: RetryPolicy;
  readonly attemptTimeoutMs?: number;
} {
  if (retries === undefined) return {};
  const { attempts = 0, perTryTimeout, retryOn, retryRemoteLocalities, retryIgnorePreviousHosts } = retries;
  const attemptTimeoutMs = parseTimeout(perTryTimeout);
  const timeout = attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs };
  if (attempts <= 0) return { retries: { attempts: 0, on: [], statuses: [] }, ...timeout };
  const { on, statuses } = retriedOn(retryOn);
  const backoffMs = parseTimeout(retries.backoff);
  return {
    retries: {
      attempts: Math.min(attempts, largestCount),
      on: on.length + statuses.length === 0 ? unprocessedConditions : on,
      statuses,
      ...(backoffMs === undefined ? {} : { backoffMs }),
      ...(retryIgnorePreviousHosts === false ? { samePreviousEndpoints: true } : {}),
      ...(retryRemoteLocalities === true ? { otherLocalities: true } : {}),
    },
    ...timeout,
  };
}
