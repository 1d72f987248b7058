// For requests that end with trailers before their destination is known.
import { HTTPFaultSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { FractionalPercent_DenominatorType } from "@heddle/envoy-api/envoy/type/v3/percent";
import { duration, pack, typedExtension } from "../messages.ts";

const name = "heddle.wait";

/** Far longer than looking a destination up takes, and shorter than that may take. */
const waitMs = 2_000;

/**
 * Comes behind the look-up of a destination, which lets a request pass at once that ends with trailers: it would be
 * answered with 404. Nothing can end its wait before the time.
 */
export const waitForRoute = typedExtension(name, HTTPFaultSchema, {
  delay: {
    faultDelaySecifier: { case: "fixedDelay", value: duration(waitMs) },
    percentage: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED },
  },
});

/** For the route configuration: what has a route does not wait. */
export const waitForNothing = { [name]: pack(HTTPFaultSchema, {}) };
