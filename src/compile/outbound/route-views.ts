// A route of the model → the route as proxies apply it.
import type { ObjectReference, Origin } from "#model/reference.ts";
import { noHeaderChanges, type Redirect, type Route, type RouteMatch } from "#model/route.ts";
import { serviceCluster } from "../clusters/clusters.ts";
import type { ClusterReference, RedirectAction, RouteAction, RouteScopes, RouteView } from "../views.ts";

/** A route of the model as a proxy applies it to requests that come to `port`. */
export function routeView(route: Route, port: number, scopes?: RouteScopes): RouteView {
  const { name, match, request, response, fault, cors, statPrefix, origin } = route;
  return {
    name,
    match,
    request,
    response,
    origins: [origin],
    action: routeAction(route, port),
    ...(fault === undefined ? {} : { fault }),
    ...(cors === undefined ? {} : { cors }),
    ...(statPrefix === undefined ? {} : { statPrefix }),
    ...(scopes === undefined ? {} : { scopes }),
  };
}

function routeAction(route: Route, port: number): RouteAction {
  // gRPC clients read 503 as UNAVAILABLE, which is what a GRPCRoute's must be.
  const unusableStatus = route.protocol === "grpc" ? 503 : 500;
  if (route.unsupported) return respond(unusableStatus, "heddle: the route asks for what is not supported\n");
  if (route.redirect !== undefined) return redirect(route.redirect, port);
  if (route.directResponse !== undefined) {
    return { kind: "respond", ...route.directResponse };
  }
  const weighted = route.destinations.filter((destination) => destination.weight > 0);
  if (weighted.length === 0) return respond(unusableStatus, "heddle: the route has no backend\n");
  return {
    kind: "forward",
    unusableStatus,
    rewrite: route.rewrite,
    destinations: weighted.map(
      ({ service, subset, weight, hostname, request, response, sessionPersistence }) => ({
        cluster: service === undefined ? undefined : serviceCluster(service, subset),
        weight,
        ...(hostname === undefined ? {} : { hostname }),
        request,
        response,
        ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
      }),
    ),
    timeoutMs: route.timeoutMs,
    attemptTimeoutMs: route.attemptTimeoutMs,
    ...beside(route),
  };
}

/** What few routes have. */
function beside({ mirrors = [], retries, sessionPersistence }: Route) {
  const mirrored = mirrors.flatMap(({ service, subset, percentage }) =>
    service === undefined ? [] : [{ cluster: serviceCluster(service, subset), percentage }],
  );
  return {
    ...(mirrored.length === 0 ? {} : { mirrors: mirrored }),
    ...(retries === undefined ? {} : { retries }),
    ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
  };
}

/**
 * A port that goes without saying is left out.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
function redirect({ status, scheme, hostname, port, path }: Redirect, dialled: number): RedirectAction {
  const wanted = port === "request" ? dialled : port;
  const isDefault = wanted === (scheme === "https" ? 443 : 80);
  // A Host that stays may name the port that was dialled: only a new one in its place removes it.
  const hostNamesAnother = hostname === undefined && dialled !== 80;
  return {
    kind: "redirect",
    status,
    scheme,
    hostname,
    port: isDefault && !hostNamesAnother ? undefined : wanted,
    path,
  };
}

/** To these clusters, as the request is. */
export function forward(
  destinations: readonly {
    readonly cluster: ClusterReference | undefined;
    readonly weight?: number;
  }[],
): Extract<RouteAction, { kind: "forward" }> {
  return {
    kind: "forward",
    destinations: destinations.map(({ cluster, weight = 1 }) => ({
      cluster,
      weight,
      request: noHeaderChanges,
      response: noHeaderChanges,
    })),
    unusableStatus: 500,
    rewrite: undefined,
    timeoutMs: undefined,
    attemptTimeoutMs: undefined,
  };
}

const anyRequest: RouteMatch = { path: { kind: "prefix", value: "/" }, headers: [], queryParameters: [] };

/** The route that takes every request. */
export function everything(action: RouteAction, origins: readonly Origin[]): RouteView {
  return {
    name: "default",
    match: anyRequest,
    action,
    request: noHeaderChanges,
    response: noHeaderChanges,
    origins,
  };
}

/** An answer of the proxy's own. */
export function respond(status: number, body: string): RouteAction {
  return { kind: "respond", status, body };
}

/** The objects that gave these hosts their routes, each once. */
export function objectsOfRoutes(
  hosts: readonly { readonly routes: readonly RouteView[] }[],
): readonly ObjectReference[] {
  const origins = hosts.flatMap(({ routes }) => routes.flatMap((route) => route.origins));
  return [
    ...new Map(
      origins.map(({ kind, namespace, name }) => [`${kind} ${namespace}/${name}`, { kind, namespace, name }]),
    ).values(),
  ];
}
