// Answers that are decided before anything is sent.
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import { extension, pack } from "../messages.ts";

const name = "envoy.filters.http.fault";

/** Neutral in the chain: a filter that is only switched on per route is skipped on a first request. */
export const fault = extension(name, HTTPFaultSchema, {});

/** For the share of a backend that does not exist (Gateway API: 500). */
export const answer500 = {
  [name]: pack(HTTPFaultSchema, {
    abort: {
      errorType: { case: "httpStatus", value: 500 },
      percentage: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED },
    },
  }),
};
