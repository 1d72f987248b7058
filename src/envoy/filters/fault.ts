// Answers that are decided, and delays, before anything is sent.
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import type { FaultInjection } from "#model/route.ts";
import { duration, fraction, pack, typedExtension } from "../messages.ts";

const name = "envoy.filters.http.fault";

/** Without what a route injects it does nothing. */
export const fault = typedExtension(name, HTTPFaultSchema, {});

/** What a route injects on purpose. */
export function inject({ delay, abort }: FaultInjection) {
  return {
    [name]: pack(HTTPFaultSchema, {
      ...(delay === undefined
        ? {}
        : {
            delay: {
              faultDelaySecifier: { case: "fixedDelay", value: duration(delay.milliseconds) },
              percentage: fraction(delay.percentage),
            },
          }),
      ...(abort === undefined
        ? {}
        : {
            abort: {
              errorType: {
                case: abort.status.kind === "http" ? "httpStatus" : "grpcStatus",
                value: abort.status.code,
              },
              percentage: fraction(abort.percentage),
            },
          }),
    }),
  };
}

/** For the share of a backend that cannot be used. */
export function answerWith(status: number) {
  return {
    [name]: pack(HTTPFaultSchema, {
      abort: {
        errorType: { case: "httpStatus", value: status },
        percentage: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED },
      },
    }),
  };
}
