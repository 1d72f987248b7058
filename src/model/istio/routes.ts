import { parseTimeout } from "../duration.ts";
import type { Route, RouteDestination } from "../route.ts";
import { corsPolicy } from "./cors-policies.ts";
import { type FindVirtualService, routeName, type WrittenRoute, writtenRoutes } from "./delegates.ts";
import { faultInjection } from "./fault-injection.ts";
import { headerEffects } from "./header-effects.ts";
import { mirrorsOf } from "./mirrors.ts";
import type { ResolveDestination } from "./resolve-destination.ts";
import { retryEffects } from "./retry-policies.ts";
import { directResponseOf, redirectOf, rewriteOf } from "./route-answers.ts";
import { routeFaults } from "./route-faults.ts";
import { claimsOf, isLegible, routeMatch, routeSource } from "./route-matches.ts";
import type { IstioHttpMatch, IstioHttpRoute, VirtualService } from "./virtual-service.ts";

/** Where routes are tried. */
export interface RoutePlace {
  /** `mesh`, or the keys of the gateways by which requests come. */
  readonly gateways: readonly string[];
  /** The one that requests come to. */
  readonly port: number;
}

/**
 * API object → domain type: the HTTP routes for a place, in the object's own order, which decides; every match of every
 * route is one.
 */
export function routesOfVirtualService(
  virtualService: VirtualService,
  place: RoutePlace,
  find: FindVirtualService,
  resolve: ResolveDestination,
): readonly Route[] {
  return writtenRoutes(virtualService, find).flatMap((written) => {
    const { match = [] } = written.http;
    if (match.length === 0) return [routeOf(written, undefined, resolve)];
    return match.flatMap((each, index) =>
      isFor(each, place) ? [routeOf(written, { ...each, index }, resolve)] : [],
    );
  });
}

/** A match by what nobody can know, or read, takes no request. */
function isFor(match: IstioHttpMatch, place: RoutePlace): boolean {
  const { port, gateways = [] } = match;
  return (
    (port === undefined || port === 0 || port === place.port) &&
    (gateways.length === 0 || gateways.some((name) => place.gateways.includes(name))) &&
    claimsOf(match).length === 0 &&
    isLegible(match)
  );
}

function routeOf(
  written: WrittenRoute,
  match: (IstioHttpMatch & { readonly index: number }) | undefined,
  resolve: ResolveDestination,
): Route {
  const { http, owner, field } = written;
  const { namespace = "default", name } = owner.metadata;
  const source = match === undefined ? undefined : routeSource(match);
  const { hostname, request, response } = headerEffects(http.headers);
  return {
    name: `${routeName(written)}${match?.name === undefined ? "" : `.${match.name}`}`,
    protocol: "http",
    match: routeMatch(match),
    ...(source === undefined ? {} : { source }),
    ...(match?.statPrefix === undefined ? {} : { statPrefix: match.statPrefix }),
    rank: [],
    unsupported: written.broken || routeFaults(http).length > 0,
    destinations: destinationsOf(http, namespace, resolve),
    ...rewriteOf(http.rewrite, hostname),
    ...effects(http, namespace, resolve),
    request,
    response,
    origin: {
      kind: "VirtualService",
      namespace,
      name,
      field: `${field}${match === undefined || !written.ownMatches ? "" : `.match[${match.index}]`}`,
    },
  };
}

/** What few routes have. */
function effects(http: IstioHttpRoute, namespace: string, resolve: ResolveDestination) {
  const timeoutMs = parseTimeout(http.timeout);
  const fault = faultInjection(http.fault);
  const mirrors = mirrorsOf(http, namespace, resolve);
  return {
    ...(http.redirect === undefined ? {} : { redirect: redirectOf(http.redirect) }),
    ...(http.directResponse === undefined ? {} : { directResponse: directResponseOf(http.directResponse) }),
    ...(fault === undefined ? {} : { fault }),
    ...(mirrors.length === 0 ? {} : { mirrors }),
    ...(http.corsPolicy === undefined ? {} : { cors: corsPolicy(http.corsPolicy) }),
    ...retryEffects(http.retries),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

/** A single destination needs no weight: it gets everything. */
function destinationsOf(
  http: IstioHttpRoute,
  namespace: string,
  resolve: ResolveDestination,
): readonly RouteDestination[] {
  const routes = http.route ?? [];
  return routes.map((route) => {
    const { hostname, request, response } = headerEffects(route.headers);
    return {
      service: resolve(route.destination, namespace),
      ...(route.destination.subset === undefined ? {} : { subset: route.destination.subset }),
      weight: routes.length === 1 ? 1 : (route.weight ?? 0),
      ...(hostname === undefined ? {} : { hostname }),
      request,
      response,
    };
  });
}
