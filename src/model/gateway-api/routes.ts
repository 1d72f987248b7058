import { parseDuration } from "../duration.ts";
import { objectKey } from "../reference.ts";
import {
  type HeaderChanges,
  type NamedMatcher,
  noHeaderChanges,
  type PathMatcher,
  type Route,
  type RouteDestination,
  type RouteMatch,
} from "../route.ts";
import type { HeaderFilter, RouteFilter } from "./filters.ts";
import type {
  HttpBackendReference,
  HttpRoute,
  HttpRouteMatch,
  HttpRouteRule,
  NameValueMatch,
} from "./http-route.ts";

/** Whether a backend's port exists. */
export type ServicePortExists = (namespace: string, name: string, port: number) => boolean;

/** API object → domain type: every match of every rule is one route, in the object's own order. */
export function routesOfHttpRoute(route: HttpRoute, exists: ServicePortExists): readonly Route[] {
  return (route.spec.rules ?? []).flatMap((rule, index) => routesOfRule(route, rule, index, exists));
}

function routesOfRule(
  route: HttpRoute,
  rule: HttpRouteRule,
  index: number,
  exists: ServicePortExists,
): readonly Route[] {
  const namespace = route.metadata.namespace ?? "default";
  const matches = rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches;
  const timeoutMs = timeout(rule.timeouts?.request);
  const attemptTimeoutMs = timeout(rule.timeouts?.backendRequest);
  return matches.map((match, matchIndex) => ({
    name: `${objectKey(route.metadata)}/${rule.name ?? index}`,
    match: routeMatch(match),
    destinations: (rule.backendRefs ?? []).map((backend) => routeDestination(backend, namespace, exists)),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
    ...headerFilters(rule.filters),
    origin: {
      kind: "HTTPRoute",
      namespace,
      name: route.metadata.name,
      field: `spec.rules[${index}]${rule.matches === undefined ? "" : `.matches[${matchIndex}]`}`,
    },
  }));
}

/** `0s` switches a timeout off, as does an absent one. */
function timeout(text: string | undefined): number | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text);
  return milliseconds === 0 ? undefined : milliseconds;
}

function routeMatch(match: HttpRouteMatch): RouteMatch {
  return {
    path: pathMatcher(match.path),
    ...(match.method === undefined ? {} : { method: { kind: "exact", value: match.method } }),
    headers: (match.headers ?? []).map((header) => ({
      ...namedMatcher(header),
      name: header.name.toLowerCase(),
    })),
    queryParameters: (match.queryParams ?? []).map(namedMatcher),
  };
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

function routeDestination(
  backend: HttpBackendReference,
  routeNamespace: string,
  exists: ServicePortExists,
): RouteDestination {
  const namespace = backend.namespace ?? routeNamespace;
  const isService = (backend.kind ?? "Service") === "Service" && (backend.group ?? "") === "";
  const { request, response } = headerFilters(backend.filters);
  return {
    service:
      isService && backend.port !== undefined && exists(namespace, backend.name, backend.port)
        ? { namespace, name: backend.name, port: backend.port }
        : undefined,
    weight: backend.weight ?? 1,
    request,
    response,
  };
}

function headerFilters(filters: readonly RouteFilter[] | undefined): {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
} {
  const find = (type: string) => filters?.find((filter) => filter.type === type);
  return {
    request: headerChanges(find("RequestHeaderModifier")?.requestHeaderModifier),
    response: headerChanges(find("ResponseHeaderModifier")?.responseHeaderModifier),
  };
}

function headerChanges(filter: HeaderFilter | undefined): HeaderChanges {
  return filter === undefined
    ? noHeaderChanges
    : { set: filter.set ?? [], add: filter.add ?? [], remove: filter.remove ?? [] };
}
