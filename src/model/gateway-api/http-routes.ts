import { parseTimeout } from "../duration.ts";
import { firstOfEach } from "../first-of-each.ts";
import { objectKey } from "../reference.ts";
import type { NamedMatcher, PathMatcher, Route, RouteMatch } from "../route.ts";
import type { HttpRoute, HttpRouteMatch, HttpRouteRule, NameValueMatch } from "./http-route.ts";
import { httpMatchFaults, legibleMatches } from "./legible-matches.ts";
import type { ResolveBackend } from "./resolve-backend.ts";
import { retryPolicy } from "./retries.ts";
import { routeDestination } from "./route-destination.ts";
import { corsOf, filterFaults, headerEffects, mirrors, requestEffects } from "./route-filters.ts";
import { hasSessionFault, sessionPersistence } from "./sessions.ts";

/** API object → domain type: every match of every rule is one route, in the object's own order. */
export function routesOfHttpRoute(route: HttpRoute, resolve: ResolveBackend): readonly Route[] {
  return (route.spec.rules ?? []).flatMap((rule, index) => routesOfRule(route, rule, index, resolve));
}

function routesOfRule(
  route: HttpRoute,
  rule: HttpRouteRule,
  index: number,
  resolve: ResolveBackend,
): readonly Route[] {
  const namespace = route.metadata.namespace ?? "default";
  const matches = rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches;
  const timeoutMs = parseTimeout(rule.timeouts?.request);
  const attemptTimeoutMs = parseTimeout(rule.timeouts?.backendRequest);
  const unsupported =
    filterFaults(rule.filters, "httpRule", matchesByPrefix(rule)).length > 0 || hasSessionFault(rule);
  const name = `${objectKey(route.metadata)}/${rule.name ?? index}`;
  return legibleMatches(matches, httpMatchFaults).map(({ match: each, index: matchIndex }) => {
    const match = routeMatch(each);
    return {
      name,
      protocol: "http",
      match,
      rank: rankOf(match),
      destinations: (rule.backendRefs ?? []).map((backend) =>
        routeDestination(backend, "httpBackend", resolve),
      ),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
      ...headerEffects(rule.filters),
      ...requestEffects(rule.filters, each.path?.value ?? "/"),
      ...mirrors(rule.filters, resolve),
      ...corsOf(rule.filters),
      ...(rule.retry === undefined ? {} : { retries: retryPolicy(rule.retry) }),
      ...(rule.sessionPersistence === undefined
        ? {}
        : { sessionPersistence: sessionPersistence(rule.sessionPersistence, name) }),
      unsupported,
      origin: {
        kind: "HTTPRoute",
        namespace,
        name: route.metadata.name,
        field: `spec.rules[${index}]${rule.matches === undefined ? "" : `.matches[${matchIndex}]`}`,
      },
    };
  });
}

/** Whether every match of a rule is by path prefix; a rule without matches has the prefix `/`. */
export function matchesByPrefix({ matches }: HttpRouteRule): boolean {
  return (matches ?? []).every(({ path }) => (path?.type ?? "PathPrefix") === "PathPrefix");
}

function routeMatch(match: HttpRouteMatch): RouteMatch & { readonly path: PathMatcher } {
  return {
    path: pathMatcher(match.path),
    ...(match.method === undefined ? {} : { method: { kind: "exact", value: match.method } }),
    headers: headerMatchers(match.headers),
    queryParameters: firstOfEach(match.queryParams ?? [], ({ name }) => name).map(namedMatcher),
  };
}

/** Of matchers of one header, in whatever case, the first counts. */
export function headerMatchers(headers: readonly NameValueMatch[] | undefined): readonly NamedMatcher[] {
  return firstOfEach(headers ?? [], ({ name }) => name.toLowerCase()).map((header) => ({
    ...namedMatcher(header),
    name: header.name.toLowerCase(),
  }));
}

function pathMatcher(path: HttpRouteMatch["path"]): PathMatcher {
  const value = path?.value ?? "/";
  if (path?.type === "Exact") return { kind: "exact", value };
  if (path?.type === "RegularExpression") return { kind: "regex", value };
  return { kind: "pathPrefix", value };
}

function namedMatcher(match: NameValueMatch): NamedMatcher {
  return {
    name: match.name,
    value: { kind: match.type === "RegularExpression" ? "regex" : "exact", value: match.value },
  };
}

/**
 * Gateway API's order among matches: exact paths, then regular expressions, then the longest prefix, then a method,
 * then the number of headers, then that of query parameters.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
function rankOf(match: RouteMatch & { readonly path: PathMatcher }): readonly number[] {
  const { path, method, headers, queryParameters } = match;
  return [
    path.kind === "exact" ? 2 : path.kind === "regex" ? 1 : 0,
    path.value.length,
    method === undefined ? 0 : 1,
    headers.length,
    queryParameters.length,
  ];
}
