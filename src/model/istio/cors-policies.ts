// Which other sites' pages a VirtualService lets call.
import { parseDuration } from "../duration.ts";
import type { CorsPolicy, StringMatcher } from "../route.ts";
import { stringMatcher } from "./string-matchers.ts";
import type { IstioCors } from "./virtual-service-http.ts";

const anyOrigin: StringMatcher = { kind: "regex", value: ".*" };

/** API type → domain type. https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy */
export function corsPolicy(cors: IstioCors): CorsPolicy {
  const maxAge = cors.maxAge === undefined ? undefined : parseDuration(cors.maxAge);
  return {
    allowOrigins: [
      ...(cors.allowOrigins ?? []).map((match) => stringMatcher(match) ?? anyOrigin),
      ...(cors.allowOrigin ?? []).map((value): StringMatcher => ({ kind: "exact", value })),
    ].map((matcher) => (matcher.kind === "exact" && matcher.value === "*" ? anyOrigin : matcher)),
    allowMethods: cors.allowMethods ?? [],
    allowHeaders: cors.allowHeaders ?? [],
    exposeHeaders: cors.exposeHeaders ?? [],
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Math.floor(maxAge / 1000) }),
    allowCredentials: cors.allowCredentials === true,
    forwardUnmatchedPreflights: cors.unmatchedPreflights !== "IGNORE",
  };
}
