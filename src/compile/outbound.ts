// The routes for a destination address, as a client sees them.
import type { Fetch } from "#collections/graph.ts";
import type { Origin } from "#model/reference.ts";
import { noHeaderChanges, type Redirect, type Route, type RouteMatch } from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { sessionsOfService } from "./backend-policies.ts";
import { type Client, routesForClient } from "./clients.ts";
import { serviceCluster } from "./clusters.ts";
import type { Mesh } from "./graph.ts";
import { withHashKeys } from "./hash-keys.ts";
import { routeScopes } from "./limits.ts";
import { entriesFor, isReachablePod, othersPolicy, servicesAt } from "./reach.ts";
import { routesKey } from "./routes.ts";
import { serviceOrigin } from "./services.ts";
import type { RedirectAction, RouteAction, RouteScopes, RouteView, VirtualHostView } from "./views.ts";

/**
 * A virtual host for `address:port`. Several services with one address are told apart by the Host, as are hosts outside
 * that have no address, where the address is nobody's.
 */
export function virtualHostView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  destination: { readonly address: string; readonly port: number },
): VirtualHostView {
  const { port } = destination;
  const address = `${destination.address}:${port}`;
  const services = servicesAt(mesh, fetch, client, destination.address, port);
  const [service, another] = services.filter((each) => hasPort(each, port));
  if (service !== undefined && another === undefined)
    return ofService(mesh, fetch, client, service, port, address);
  if (service !== undefined) {
    const { routes, origins } = portRoutes(mesh, fetch, client, service, port);
    return byHost(mesh, fetch, client, destination, services, { routes, origins });
  }
  const [portless] = services;
  if (portless?.kind === "Service") {
    const body = `heddle: service ${portless.name} in namespace ${portless.namespace} has no port ${port}\n`;
    return answeringVirtualHost(address, body, [serviceOrigin(portless)]);
  }
  const isPod =
    fetch.by(mesh.workloadsByAddress, destination.address).length > 0 &&
    isReachablePod(mesh, fetch, client, destination.address, port);
  if (isPod) {
    const pod = forward([{ cluster: { kind: "address", ...destination } }]);
    return { address, domains: [address], routes: [everything(pod, [])], origins: [] };
  }
  const others = everything({ kind: othersPolicy(mesh, fetch, client) }, []);
  return byHost(mesh, fetch, client, destination, entriesFor(mesh, fetch, client), {
    routes: [others],
    origins: [],
  });
}

function hasPort({ ports }: MeshService, port: number): boolean {
  return ports.some((candidate) => candidate.port === port);
}

/** The routes of one service of several, by the Host; `rest` for those that name none of them. */
function byHost(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { address, port }: { readonly address: string; readonly port: number },
  services: readonly MeshService[],
  rest: PortRoutesView,
): VirtualHostView {
  const named = services.filter((each) => hasHttpPort(each, port)).toSorted(bySpecificHost);
  const found = named.map((service) => {
    const { routes, origins } = portRoutes(mesh, fetch, client, service, port);
    return { origins, routes: routes.map((route) => ({ ...route, host: service.hostname })) };
  });
  return {
    address: `${address}:${port}`,
    domains: [`${address}:${port}`],
    routes: [...found.flatMap(({ routes }) => routes), ...rest.routes],
    origins: [...found.flatMap(({ origins }) => origins), ...rest.origins],
  };
}

/** Whether requests by Host are looked for on a port of a service outside. */
export function hasHttpPort({ ports }: MeshService, port: number): boolean {
  return ports.some((each) => each.port === port && (each.protocol === "http" || each.protocol === "grpc"));
}

/** Of hosts with wildcards the longer, after those without. */
function bySpecificHost(a: MeshService, b: MeshService): number {
  const isWild = ({ hostname }: MeshService) => Number(hostname.startsWith("*"));
  return (
    isWild(a) - isWild(b) || b.hostname.length - a.hostname.length || a.hostname.localeCompare(b.hostname)
  );
}

function ofService(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  port: number,
  address: string,
): VirtualHostView {
  return {
    address,
    domains: [address, ...canonicalNames(mesh, fetch, service, port, client.namespace)],
    ...portRoutes(mesh, fetch, client, service, port),
  };
}

interface PortRoutesView {
  readonly routes: readonly RouteView[];
  readonly origins: readonly Origin[];
}

/** The routes of a service's port as a client sees them. */
export function portRoutes(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  port: number,
): PortRoutesView {
  const origins: readonly Origin[] = [serviceOrigin(service)];
  const all =
    fetch.get(mesh.routes, routesKey(service, port, client.namespace)) ??
    fetch.get(mesh.routes, routesKey(service, port, ""));
  const found = all === undefined ? undefined : routesForClient(all.routes, client);
  const routes =
    found === undefined
      ? [everything(toService(mesh, fetch, service, port), origins)]
      : [
          ...found.map((route) => routeView(route, port, routeScopes(mesh.routing, fetch, route))),
          everything(respond(404, noRoute), origins),
        ];
  return {
    routes: withHashKeys(mesh, fetch, client, routes),
    origins: [...origins, ...(found ?? []).map((route) => route.origin)],
  };
}

/** Where requests go that no route speaks of. */
function toService(mesh: Mesh, fetch: Fetch, service: MeshService, port: number): RouteAction {
  const sessionPersistence = sessionsOfService(mesh.routing, fetch, service);
  return {
    ...forward([{ cluster: serviceCluster({ hostname: service.hostname, port }) }]),
    ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
  };
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

/**
 * Names that mean this service's port without doubt: short ones only to its own namespace. Names that hosts outside
 * have, too, and those of ServiceEntries have routes of their own: no two virtual hosts may have one.
 */
function canonicalNames(
  mesh: Mesh,
  fetch: Fetch,
  service: MeshService,
  port: number,
  clientNamespace: string,
): readonly string[] {
  const { kind, name, namespace, hostname } = service;
  if (kind === "ServiceEntry") return [];
  const short = [`${name}.${namespace}.svc`, `${name}.${namespace}`];
  if (clientNamespace === namespace) short.push(name);
  const own = short.filter((host) => fetch.by(mesh.routing.servicesByHostname, host).length === 0);
  const names = [hostname, ...own];
  const withPort = names.map((host) => `${host}:${port}`);
  return port === 80 ? [...names, ...withPort] : withPort;
}

/** A route of the model as a proxy applies it to requests that come to `port`. */
export function routeView(route: Route, port: number, scopes?: RouteScopes): RouteView {
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

function forward(
  destinations: readonly {
    readonly cluster: Extract<RouteAction, { kind: "forward" }>["destinations"][number]["cluster"];
  }[],
): Extract<RouteAction, { kind: "forward" }> {
  return {
    kind: "forward",
    destinations: destinations.map(({ cluster }) => ({
      cluster,
      weight: 1,
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

function respond(status: number, body: string): RouteAction {
  return { kind: "respond", status, body };
}
