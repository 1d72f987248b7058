import { literally } from "../expression.ts";
import type { CorsPolicy, StringMatcher } from "../route.ts";
import type { CorsFilter } from "./filters.ts";

const defaultMaxAgeSeconds = 5;

/** API object → domain type. https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter */
export function corsPolicy(filter: CorsFilter): CorsPolicy {
  return {
    allowOrigins: (filter.allowOrigins ?? []).map(originMatcher),
    allowMethods: filter.allowMethods ?? [],
    allowHeaders: filter.allowHeaders ?? [],
    exposeHeaders: filter.exposeHeaders ?? [],
    maxAgeSeconds: filter.maxAge ?? defaultMaxAgeSeconds,
    allowCredentials: filter.allowCredentials ?? false,
    forwardUnmatchedPreflights: false,
  };
}

/** `*` in a host stands for any labels. Browsers leave out the port of the scheme, so it is none here. */
function originMatcher(origin: string): StringMatcher {
  if (origin === "*") return { kind: "regex", value: ".*" };
  const named = origin.replace(/^(http):(.*):80$|^(https):(.*):443$/, "$1$3:$2$4");
  if (!named.includes("*")) return { kind: "exact", value: named };
  const parts = named.split("*").map(literally);
  return { kind: "regex", value: parts.join("[^/]+") };
}
