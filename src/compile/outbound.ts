// The routes for a destination address, as a client sees them.
import type { Fetch } from "#collections/graph.ts";
import type { Origin } from "#model/reference.ts";
import {
  noHeaderChanges,
  type Redirect,
  type Route,
  type RouteMatch,
  type SessionPersistence,
} from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { sessionsOfService } from "./backend-policies.ts";
import type { Client } from "./clients.ts";
import { serviceCluster } from "./clusters.ts";
import { type ConnectionTarget, connectionTarget } from "./connections.ts";
import type { Mesh } from "./graph.ts";
import { routesKey } from "./routes.ts";
import { serviceOrigin } from "./services.ts";
import type {
  ClusterReference,
  OutboundListenerView,
  RedirectAction,
  RouteAction,
  RouteView,
  VirtualHostView,
} from "./views.ts";

/**
 * Ranges in which services and pods live: RFC 1918 and RFC 6598. Static, because a listener that changes
 * closes connections.
 */
const meshRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** What every sidecar's outbound listener needs to know. */
export function outboundListenerView(mesh: Mesh, fetch: Fetch): OutboundListenerView {
  return {
    meshRanges,
    tcpPorts: fetch.get(mesh.tcpPorts, "") ?? [],
    httpPorts: fetch.get(mesh.httpPorts, "") ?? [],
  };
}

/** A virtual host for `address:port`. An address that is nobody's passes through. */
export function virtualHostView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  destination: { readonly address: string; readonly port: number },
): VirtualHostView {
  const address = `${destination.address}:${destination.port}`;
  const service = fetch.by(mesh.servicesByAddress, destination.address)[0];
  if (service !== undefined) return ofService(mesh, fetch, client, service, destination);
  const isPod = fetch.by(mesh.workloadsByAddress, destination.address).length > 0;
  return {
    address,
    domains: [address],
    routes: [
      everything(
        isPod ? forward([{ cluster: { kind: "address", ...destination } }]) : { kind: "passthrough" },
        [],
      ),
    ],
    origins: [],
  };
}

function ofService(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  { address: dialled, port }: { readonly address: string; readonly port: number },
): VirtualHostView {
  const address = `${dialled}:${port}`;
  const origins: readonly Origin[] = [serviceOrigin(service)];
  if (!service.ports.some((candidate) => candidate.port === port)) {
    const body = `heddle: service ${service.name} in namespace ${service.namespace} has no port ${port}\n`;
    return answeringVirtualHost(address, body, origins);
  }
  const domains = [address, ...canonicalNames(service, port, client.namespace)];
  const routes =
    fetch.get(mesh.routes, routesKey(service, port, client.namespace)) ??
    fetch.get(mesh.routes, routesKey(service, port, ""));
  if (routes === undefined) {
    const target = connectionTarget(mesh, fetch, client, service, { address: dialled, port });
    const sessions = sessionsOfService(mesh.routing, fetch, service);
    return { address, domains, routes: [asConnection(target, sessions)], origins: target.origins };
  }
  return {
    address,
    domains,
    routes: [
      ...routes.routes.map((route) => routeView(route, port)),
      everything(respond(404, noRoute), origins),
    ],
    origins: [...origins, ...routes.routes.map((route) => route.origin)],
  };
}

/** Where nothing is said of requests, what is said of connections holds for each of them. */
function asConnection(
  { destinations, origins }: ConnectionTarget,
  sessionPersistence: SessionPersistence | undefined,
): RouteView {
  if (destinations.length === 0) return everything(respond(404, noRoute), origins);
  const clusters = destinations.map(({ service, subset, weight }) => ({
    cluster: service === undefined ? undefined : serviceCluster(service, subset),
    weight,
  }));
  const sessions = sessionPersistence === undefined ? {} : { sessionPersistence };
  return everything({ ...forward(clusters), ...sessions }, origins);
}

/** In the place of a virtual host that Envoy refused: says so, and names the objects that it was made of. */
export function rejectedVirtualHostView(
  destination: { readonly address: string; readonly port: number },
  rejection: { readonly message: string; readonly origins: readonly Origin[] },
): VirtualHostView {
  const objects = rejection.origins.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
  return answeringVirtualHost(
    `${destination.address}:${destination.port}`,
    `heddle: Envoy refused what was made of ${[...new Set(objects)].join(", ")}: ${rejection.message}\n`,
    rejection.origins,
  );
}

/** A virtual host that answers everything with 503 and a reason. */
function answeringVirtualHost(address: string, body: string, origins: readonly Origin[]): VirtualHostView {
  return { address, domains: [address], routes: [everything(respond(503, body), origins)], origins };
}

const noRoute = "heddle: no route of this service matches the request\n";

/** Names that mean this service's port without doubt: short ones only to its own namespace. */
function canonicalNames(service: MeshService, port: number, clientNamespace: string): readonly string[] {
  const { name, namespace, hostname } = service;
  const names = [hostname, `${name}.${namespace}.svc`, `${name}.${namespace}`];
  if (clientNamespace === namespace) names.push(name);
  const withPort = names.map((host) => `${host}:${port}`);
  return port === 80 ? [...names, ...withPort] : withPort;
}

/** A route of the model as a proxy applies it to requests that come to `port`. */
export function routeView(route: Route, port: number): RouteView {
  const { name, match, request, response, fault, cors, origin } = route;
  return {
    name,
    match,
    request,
    response,
    origins: [origin],
    action: routeAction(route, port),
    ...(fault === undefined ? {} : { fault }),
    ...(cors === undefined ? {} : { cors }),
  };
}

function routeAction(route: Route, port: number): RouteAction {
  // gRPC clients read 503 as UNAVAILABLE, which is what a GRPCRoute's must be.
  const unusableStatus = route.protocol === "grpc" ? 503 : 500;
  if (route.unsupported) return respond(unusableStatus, "heddle: the route asks for what is not supported\n");
  if (route.redirect !== undefined) return redirect(route.redirect, port);
  if (route.directResponse !== undefined) {
    return respond(route.directResponse.status, route.directResponse.body);
  }
  const weighted = route.destinations.filter((destination) => destination.weight > 0);
  if (weighted.length === 0) return respond(unusableStatus, "heddle: the route has no backend\n");
  return {
    kind: "forward",
    unusableStatus,
    rewrite: route.rewrite,
    destinations: weighted.map(({ service, subset, weight, request, response, sessionPersistence }) => ({
      cluster: service === undefined ? undefined : serviceCluster(service, subset),
      weight,
      request,
      response,
      ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
    })),
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

const wellKnownPorts = { http: 80, https: 443 };

/**
 * The port is the redirect's own, that of its scheme, or the one that the request came to; one that goes without saying
 * is left out. https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
function redirect({ status, scheme, hostname, port, path }: Redirect, dialled: number): RedirectAction {
  const wanted = port ?? (scheme === undefined ? dialled : wellKnownPorts[scheme]);
  const isDefault = wanted === wellKnownPorts[scheme ?? "http"];
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

function forward(
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

function everything(action: RouteAction, origins: readonly Origin[]): RouteView {
  return {
    name: "default",
    match: anyRequest,
    action,
    request: noHeaderChanges,
    response: noHeaderChanges,
    origins,
  };
}

function respond(status: number, body: string): RouteAction {
  return { kind: "respond", status, body };
}
