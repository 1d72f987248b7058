import { literally } from "../expression.ts";
import { objectKey } from "../reference.ts";
import type { PathMatcher, Route } from "../route.ts";
import type { GrpcRoute, GrpcRouteMatch, GrpcRouteRule } from "./grpc-route.ts";
import { headerMatchers } from "./http-routes.ts";
import { grpcMatchFaults, legibleMatches } from "./legible-matches.ts";
import type { ResolveBackend } from "./resolve-backend.ts";
import { routeDestination } from "./route-destination.ts";
import { filterFaults, headerEffects, mirrors, requestEffects } from "./route-filters.ts";
import { hasSessionFault, sessionPersistence } from "./sessions.ts";

/** API object → domain type: every match of every rule is one route, in the object's own order. */
export function routesOfGrpcRoute(route: GrpcRoute, resolve: ResolveBackend): readonly Route[] {
  return (route.spec.rules ?? []).flatMap((rule, index) => routesOfRule(route, rule, index, resolve));
}

function routesOfRule(
  route: GrpcRoute,
  rule: GrpcRouteRule,
  index: number,
  resolve: ResolveBackend,
): readonly Route[] {
  const { namespace = "default" } = route.metadata;
  const name = `${objectKey(route.metadata)}/${rule.name ?? index}`;
  const matches = rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches;
  return legibleMatches(matches, grpcMatchFaults).map(({ match, index: matchIndex }) => ({
    name,
    protocol: "grpc",
    match: {
      path: pathMatcher(match.method),
      headers: headerMatchers(match.headers),
      queryParameters: [],
    },
    rank: rankOf(match),
    destinations: (rule.backendRefs ?? []).map((backend) =>
      routeDestination(backend, "grpcBackend", resolve),
    ),
    ...headerEffects(rule.filters),
    ...requestEffects(rule.filters, "/"),
    ...mirrors(rule.filters, resolve),
    ...(rule.sessionPersistence === undefined
      ? {}
      : { sessionPersistence: sessionPersistence(rule.sessionPersistence, name) }),
    unsupported: filterFaults(rule.filters, "grpcRule", false).length > 0 || hasSessionFault(rule),
    origin: {
      kind: "GRPCRoute",
      namespace,
      name: route.metadata.name,
      field: `spec.rules[${index}]${rule.matches === undefined ? "" : `.matches[${matchIndex}]`}`,
    },
  }));
}

/** A gRPC method is a path: `/package.Service/Method`. */
function pathMatcher(method: GrpcRouteMatch["method"]): PathMatcher {
  const { type, service = "", method: name = "" } = method ?? {};
  if (service === "" && name === "") return { kind: "prefix", value: "/" };
  const any = "[^/]+";
  if (type === "RegularExpression") return { kind: "regex", value: `/${service || any}/${name || any}` };
  if (service === "") return { kind: "regex", value: `/${any}/${literally(name)}` };
  return name === ""
    ? { kind: "prefix", value: `/${service}/` }
    : { kind: "exact", value: `/${service}/${name}` };
}

/**
 * Gateway API's order among matches: the longest service, then the longest method, then the number of headers.
 * https://gateway-api.sigs.k8s.io/reference/spec/#grpcrouterule
 */
function rankOf({ method, headers }: GrpcRouteMatch): readonly number[] {
  return [method?.service?.length ?? 0, method?.method?.length ?? 0, headerMatchers(headers).length];
}
