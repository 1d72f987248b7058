// Answers that are decided, and delays, before anything is sent.
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import type { FaultInjection } from "#model/route.ts";
import { duration, extension, fraction, pack } from "../messages.ts";

const name = "envoy.filters.http.fault";
const always = { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED };

/** Neutral in the chain: a filter that is only switched on per route is skipped on a first request. */
export const fault = extension(name, HTTPFaultSchema, {});

/** Far longer than looking a destination up takes, and shorter than that may take. */
const waitMs = 2_000;

/**
 * The same behind the look-up of destinations: that lets a request pass at once which ends with trailers, and nothing
 * ends its wait here before the time. Whatever has a route has `noFault` by the route configuration.
 */
export const faultOrWait = extension(name, HTTPFaultSchema, {
  delay: {
    faultDelaySecifier: { case: "fixedDelay", value: duration(waitMs) },
    percentage: always,
  },
});

export const noFault = { [name]: pack(HTTPFaultSchema, {}) };

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
        percentage: always,
      },
    }),
  };
}
