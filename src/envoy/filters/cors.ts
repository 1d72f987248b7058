// Which other sites' pages may call.
import { CorsPolicySchema, CorsSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/cors/v3/cors";
import type { CorsPolicy } from "#model/route.ts";
import { stringMatch } from "../matches/string-matches.ts";
import { pack, typedExtension } from "../messages.ts";

const name = "envoy.filters.http.cors";

/** Without a route's policy it does nothing. */
export const cors = typedExtension(name, CorsSchema, {});

/** The policy of a route. */
export function allowOrigins(policy: CorsPolicy) {
  return {
    [name]: pack(CorsPolicySchema, {
      allowOriginStringMatch: policy.allowOrigins.map(stringMatch),
      allowMethods: policy.allowMethods.join(","),
      allowHeaders: policy.allowHeaders.join(","),
      exposeHeaders: policy.exposeHeaders.join(","),
      ...(policy.maxAgeSeconds === undefined ? {} : { maxAge: String(policy.maxAgeSeconds) }),
      allowCredentials: policy.allowCredentials,
      forwardNotMatchingPreflights: policy.forwardUnmatchedPreflights,
    }),
  };
}
