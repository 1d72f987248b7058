// Endpoints that fail get nothing for a while.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OutlierDetectionSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/outlier_detection";
import type { MatchPredicateSchema } from "@heddle/envoy-api/envoy/config/common/matcher/v3/matcher";
import type { OutlierDetection } from "#model/policy.ts";
import { duration, type Init } from "../messages.ts";

/** As much in percent of what is detected leads to an ejection. */
const [always, never] = [100, 0];

/** Only what is asked for: not Envoy's own comparison of endpoints by their rates of success. */
export function outlierDetection(detection: OutlierDetection): Init<typeof OutlierDetectionSchema> {
  const { consecutiveErrors, consecutiveGatewayErrors, localOrigin, maxEjectionPercent } = detection;
  return {
    enforcingSuccessRate: never,
    ...(consecutiveErrors === undefined ? {} : ofErrors(consecutiveErrors)),
    ...(consecutiveGatewayErrors === undefined ? {} : ofGatewayErrors(consecutiveGatewayErrors)),
    ...(localOrigin === undefined ? {} : ofLocalOrigin(localOrigin)),
    ...(detection.intervalMs === undefined ? {} : { interval: duration(detection.intervalMs) }),
    ...ejectionTimes(detection.baseEjectionMs),
    // A tenth of a few endpoints is none, and a policy that does nothing helps nobody.
    ...(maxEjectionPercent === undefined ? { alwaysEjectOneHost: true } : { maxEjectionPercent }),
  };
}

/** Envoy lengthens ejections up to five minutes, which must not be less than the first one. */
const longestEjectionMs = 300_000;

function ejectionTimes(baseMs: number | undefined) {
  if (baseMs === undefined) return {};
  return {
    baseEjectionTime: duration(baseMs),
    ...(baseMs > longestEjectionMs ? { maxEjectionTime: duration(baseMs) } : {}),
  };
}

function ofErrors(limit: number) {
  return limit === 0
    ? { enforcingConsecutive5xx: never }
    : { consecutive5xx: limit, enforcingConsecutive5xx: always };
}

/** Not enforced unless it is said. */
function ofGatewayErrors(limit: number) {
  return limit === 0
    ? { enforcingConsecutiveGatewayFailure: never }
    : { consecutiveGatewayFailure: limit, enforcingConsecutiveGatewayFailure: always };
}

function ofLocalOrigin({ consecutiveFailures }: NonNullable<OutlierDetection["localOrigin"]>) {
  return {
    splitExternalLocalOriginErrors: true,
    enforcingLocalOriginSuccessRate: never,
    ...(consecutiveFailures === undefined
      ? {}
      : consecutiveFailures === 0
        ? { enforcingConsecutiveLocalOriginFailure: never }
        : {
            consecutiveLocalOriginFailure: consecutiveFailures,
            enforcingConsecutiveLocalOriginFailure: always,
          }),
  };
}

/** Answers that count as errors, in the place of all from 500. */
export function errorMatcher(statuses: readonly number[]): MessageInitShape<typeof MatchPredicateSchema> {
  const [only, ...more] = statuses.map(statusMatch);
  return only !== undefined && more.length === 0
    ? only
    : { rule: { case: "orMatch", value: { rules: statuses.map(statusMatch) } } };
}

function statusMatch(status: number): MessageInitShape<typeof MatchPredicateSchema> {
  return {
    rule: {
      case: "httpResponseHeadersMatch",
      value: {
        headers: [
          {
            name: ":status",
            headerMatchSpecifier: {
              case: "stringMatch",
              value: { matchPattern: { case: "exact", value: String(status) } },
            },
          },
        ],
      },
    },
  };
}
