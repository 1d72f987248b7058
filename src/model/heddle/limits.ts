import { parseDuration } from "../duration.ts";
import type { ConcurrencyLimit, RequestKey, RequestLimit, RequestLimits } from "../limits.ts";
import { referenceOf } from "../reference.ts";
import type { PathMatcher, RouteMatch, StringMatcher } from "../route.ts";
import type { AdaptiveConcurrency } from "./adaptive-concurrency.ts";
import type { RequestLimit as ApiLimit, LimitKey, LimitMatch, RateLimit } from "./rate-limit.ts";

const periods: Readonly<Record<ApiLimit["unit"], number>> = {
  Second: 1_000,
  Minute: 60_000,
  Hour: 3_600_000,
  Day: 86_400_000,
};

/** API object → domain type, with the defaults. */
export function requestLimits(policy: RateLimit): RequestLimits {
  const { limits, response } = policy.spec;
  return {
    limits: limits.map(requestLimit),
    status: response?.status ?? 429,
    headers: (response?.headers ?? []).map(({ name, value }) => ({ name, value })),
    origin: referenceOf(policy),
  };
}

function requestLimit({ requests, unit, burst, key = [], match }: ApiLimit): RequestLimit {
  return {
    requests,
    periodMs: periods[unit],
    burst: burst ?? requests,
    key: key.map(requestKey),
    ...(match === undefined || Object.keys(match).length === 0 ? {} : { match: routeMatch(match) }),
  };
}

function requestKey({ type, header = "" }: LimitKey): RequestKey {
  switch (type) {
    case "Header":
      return { kind: "header", name: header.toLowerCase() };
    case "Path":
      return { kind: "path" };
    case "Method":
      return { kind: "method" };
    case "SourceIdentity":
      return { kind: "sourceIdentity" };
    case "SourceNamespace":
      return { kind: "sourceNamespace" };
  }
}

function routeMatch({ methods, path, headers = [] }: LimitMatch): RouteMatch {
  return {
    ...(path === undefined ? {} : { path: pathMatcher(path) }),
    ...(methods === undefined ? {} : { method: { kind: "regex", value: methods.join("|") } }),
    headers: headers.map(({ type, name, value }) => {
      const matcher: StringMatcher = { kind: type === "RegularExpression" ? "regex" : "exact", value };
      return { name: name.toLowerCase(), value: matcher };
    }),
    queryParameters: [],
  };
}

function pathMatcher({ type, value }: NonNullable<LimitMatch["path"]>): PathMatcher {
  return { kind: type === "Exact" ? "exact" : "pathPrefix", value };
}

/** API object → domain type, with the defaults. */
export function concurrencyLimit(policy: AdaptiveConcurrency): ConcurrencyLimit {
  const { minConcurrency, maxConcurrency, sampleWindow, latencyPercentile, response } = policy.spec;
  return {
    least: minConcurrency ?? 3,
    most: maxConcurrency ?? 1_000,
    windowMs: parseDuration(sampleWindow ?? "100ms") ?? 100,
    percentile: latencyPercentile ?? 90,
    status: response?.status ?? 503,
    origin: referenceOf(policy),
  };
}
