// How many requests at once an application takes, found out by its latencies.
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { AdaptiveConcurrencySchema } from "@heddle/envoy-api/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation";
import type { ConcurrencyLimit } from "#model/limits.ts";
import { duration, httpStatus, typedExtension } from "../messages.ts";
import { unprocessedHeader } from "../names.ts";
import type { PolicyFilter } from "./policies.ts";

/** How often the latency without load is measured, with so few requests at once as are always let through. */
const baselineEveryMs = 60_000;
const baselineRequests = 50;

/** The filters of a limit, in order. */
export function adaptiveConcurrency(limit: ConcurrencyLimit): readonly PolicyFilter[] {
  const { kind, namespace, name } = limit.origin;
  return [
    markUnprocessed,
    typedExtension(`${kind} ${namespace}/${name}`, AdaptiveConcurrencySchema, {
      enabled: { defaultValue: true, runtimeKey: "heddle.adaptive_concurrency" },
      concurrencyLimitExceededStatus: httpStatus(limit.status),
      concurrencyControllerConfig: {
        case: "gradientControllerConfig",
        value: {
          sampleAggregatePercentile: { value: limit.percentile },
          concurrencyLimitParams: {
            minConcurrencyLimit: limit.least,
            maxConcurrencyLimit: limit.most,
            concurrencyUpdateInterval: duration(limit.windowMs),
          },
          minRttCalcParams: {
            interval: duration(baselineEveryMs),
            requestCount: baselineRequests,
            minConcurrency: limit.least,
            // Pods of a service do not measure at the same time.
            jitter: { value: 15 },
          },
        },
      },
    }),
  ];
}

/** The application never saw a request that was shed: a client's sidecar may send it to another pod. */
const markUnprocessed: PolicyFilter = typedExtension(
  "envoy.filters.http.header_mutation",
  HeaderMutationSchema,
  {
    mutations: {
      responseMutations: [
        {
          action: {
            case: "append",
            value: {
              header: {
                key: unprocessedHeader,
                value: '%CEL(response.code_details == "reached_concurrency_limit" ? "1" : "")%',
              },
              // Other answers are left without the header.
              keepEmptyValue: false,
              appendAction: HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT,
            },
          },
        },
      ],
    },
  },
);
