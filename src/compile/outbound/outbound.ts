// The routes for a destination address, as a client sees them.
import type { Fetch } from "#collections/graph.ts";
import type { Origin } from "#model/reference.ts";
import type { SessionPersistence } from "#model/route.ts";
import { isHttp, type MeshService } from "#model/service.ts";
import { type Client, routesForClient } from "../clients/clients.ts";
import { serviceCluster } from "../clusters/clusters.ts";
import { routeScopes } from "../inbound/limits.ts";
import type { Mesh } from "../mesh.ts";
import { backendPolicyOf } from "../routing/backend-policies.ts";
import { routesKey } from "../routing/routes.ts";
import { hostsOfService, serviceOrigin } from "../services/services.ts";
import type { RouteView, VirtualHostView } from "../views.ts";
import { type Connection, type ConnectionTarget, connectionTarget } from "./connections.ts";
import { withHashKeys } from "./hash-keys.ts";
import { othersAction, othersOf } from "./others.ts";
import { entriesFor, isReachablePod, servicesAt } from "./reach.ts";
import { everything, forward, respond, routeView } from "./route-views.ts";
import { type VirtualHostRoutes, virtualHostPort, virtualHostsFor } from "./virtual-hosts.ts";

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
    return ofService(mesh, fetch, client, service, destination);
  if (service !== undefined) {
    const { routes, origins } = portRoutes(mesh, fetch, client, service, destination);
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
  const others = everything(othersAction(othersOf(mesh, fetch, client)), []);
  const named = port === virtualHostPort ? virtualHostsFor(mesh, fetch, client) : [];
  const rest = { routes: [others], origins: [] };
  return byHost(mesh, fetch, client, destination, entriesFor(mesh, fetch, client), rest, named);
}

function hasPort({ ports }: MeshService, port: number): boolean {
  return ports.some((candidate) => candidate.port === port);
}

/** The routes of one service of several, or of another host, by the Host; `rest` for those that name none of them. */
function byHost(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { address, port }: { readonly address: string; readonly port: number },
  services: readonly MeshService[],
  rest: PortRoutesView,
  others: readonly VirtualHostRoutes[] = [],
): VirtualHostView {
  const named = services
    .filter((each) => hasHttpPort(each, port))
    .flatMap((service) => {
      const found = portRoutes(mesh, fetch, client, service, { address, port });
      return hostsOfService(service, client.namespace).map((hostname) => ({ hostname, ...found }));
    });
  const hosts = [...named, ...others].toSorted(bySpecificHost);
  const routes = hosts.flatMap((host) => host.routes.map((route) => ({ ...route, host: host.hostname })));
  return {
    address: `${address}:${port}`,
    domains: [`${address}:${port}`],
    routes: [...routes, ...rest.routes],
    origins: [...hosts.flatMap(({ origins }) => origins), ...rest.origins],
  };
}

/** Whether requests by Host are looked for on a port of a service outside. */
export function hasHttpPort({ ports }: MeshService, port: number): boolean {
  return ports.some((each) => each.port === port && isHttp(each.protocol));
}

type Named = Pick<MeshService, "hostname">;

/** Of hosts with wildcards the longer, after those without. */
function bySpecificHost(a: Named, b: Named): number {
  const isWild = ({ hostname }: Named) => Number(hostname.startsWith("*"));
  return (
    isWild(a) - isWild(b) || b.hostname.length - a.hostname.length || a.hostname.localeCompare(b.hostname)
  );
}

function ofService(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  destination: { readonly address: string; readonly port: number },
): VirtualHostView {
  const address = `${destination.address}:${destination.port}`;
  // No two virtual hosts may have one name: those of a service stay with its own addresses.
  const names = service.addresses.includes(destination.address)
    ? canonicalNames(mesh, fetch, service, destination.port, client.namespace)
    : [];
  return {
    address,
    domains: [address, ...names],
    ...portRoutes(mesh, fetch, client, service, destination),
  };
}

interface PortRoutesView {
  readonly routes: readonly RouteView[];
  readonly origins: readonly Origin[];
}

/** The routes of a service's port as a client sees them; `address`: what was dialled, where it is known. */
export function portRoutes(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  connection: Connection,
): PortRoutesView {
  const { port } = connection;
  const origins: readonly Origin[] = [serviceOrigin(service)];
  const all =
    fetch.get(mesh.routes, routesKey(service, port, client.namespace)) ??
    fetch.get(mesh.routes, routesKey(service, port, ""));
  const routes = all === undefined ? undefined : routesForClient(all.routes, client);
  if (routes === undefined) {
    const target = connectionTarget(mesh, fetch, client, service, connection);
    const sessions = backendPolicyOf(mesh.routing, fetch, service)?.sessionPersistence;
    const routed = withHashKeys(mesh, fetch, client, [asConnection(target, sessions)]);
    return { routes: routed, origins: target.origins };
  }
  const views = [
    ...routes.map((route) => routeView(route, port, routeScopes(mesh.routing, fetch, route))),
    everything(respond(404, noRoute), origins),
  ];
  return {
    routes: withHashKeys(mesh, fetch, client, views),
    origins: [...origins, ...routes.map((route) => route.origin)],
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
  if (service.kind === "ServiceEntry") return [];
  const names = namesOfService(mesh, fetch, service, clientNamespace);
  const withPort = names.map((host) => `${host}:${port}`);
  return port === 80 ? [...names, ...withPort] : withPort;
}

/** The names by which clients of a namespace mean a service, and nothing else that there is. */
export function namesOfService(
  mesh: Mesh,
  fetch: Fetch,
  service: MeshService,
  clientNamespace: string,
): readonly string[] {
  const [hostname = service.hostname, ...short] = hostsOfService(service, clientNamespace);
  const own = short.filter((host) => fetch.by(mesh.routing.servicesByHostname, host).length === 0);
  return [hostname, ...own];
}
