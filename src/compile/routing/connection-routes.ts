// Routes for connections → the ordered ones of each service port, for everybody or for one client namespace.
import type { Fetch } from "#collections/graph.ts";
import type { ConnectionRoute } from "#model/connection-route.ts";
import { routesOfConnectionRoute } from "#model/gateway-api/connection-routes.ts";
import { connectionRoutesOfVirtualService } from "#model/istio/connection-routes.ts";
import { meshGateway } from "#model/istio/gateway-names.ts";
import type { MeshService } from "#model/service.ts";
import {
  type AnyRoute,
  attachedRoutes,
  audienceOf,
  type ConnectionRouteObject,
  isAttachedTo,
  isForRequests,
} from "./attachments.ts";
import { resolveBackend } from "./backends.ts";
import { byAge } from "./by-age.ts";
import { routesKey } from "./routes.ts";
import type { RoutingInputs } from "./routing-inputs.ts";
import { namespacesExportedTo, resolveDestination, virtualServicesOf } from "./virtual-services.ts";

/** The routes for connections to one service port; `client` is the one namespace that they are for, or "" for all. */
export interface PortConnectionRoutes {
  readonly port: number;
  readonly client: string;
  readonly routes: readonly ConnectionRoute[];
  /** Whether a connection that none of them matches is refused; else it goes to the service. */
  readonly exclusive: boolean;
}

/**
 * All routes for connections to a service, by `routesKey`. Of the kinds that are attached to a port the most specific
 * alone applies: these only where neither GRPCRoutes nor HTTPRoutes are; TLSRoutes together, or the oldest TCPRoute.
 * Where routes of any kind are attached for all, VirtualServices for the host have no effect.
 */
export function connectionRoutesOfService(
  service: MeshService,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly (readonly [string, PortConnectionRoutes])[] {
  const attached = attachedRoutes(inputs, fetch, service);
  const clients = new Set(attached.map((route) => audienceOf(route, service)));
  return service.ports.flatMap(({ port }) => {
    const here = attached.filter((route) => isAttachedTo(route, service, port));
    const found = [...clients].flatMap((client) => {
      const own = here.filter((route) => audienceOf(route, service) === client);
      return ofGatewayApi(servedConnectionRoutes(own), client, port, inputs, fetch);
    });
    const all = clients.has("") ? found : [...found, ...ofIstio(service, port, inputs, fetch)];
    return all.map((routes) => [routesKey(service, port, routes.client), routes] as const);
  });
}

/** Of all routes that are attached to a port for the same clients those that say where connections go. */
export function servedConnectionRoutes(attached: readonly AnyRoute[]): readonly ConnectionRouteObject[] {
  const ordered = [...attached].sort(byAge);
  if (ordered.some(isForRequests)) return [];
  const tls = ordered.filter((route) => route.kind === "TLSRoute");
  return tls.length > 0 ? tls : ordered.filter((route) => route.kind === "TCPRoute").slice(0, 1);
}

/** Of the routes that are served on a port the one that leaves this one without any connections. */
export function olderRival(
  route: ConnectionRouteObject,
  served: readonly ConnectionRouteObject[],
): ConnectionRouteObject | undefined {
  if (!served.includes(route)) return served[0];
  const older = served.slice(0, served.indexOf(route));
  const isTaken = (name: string) => older.some((other) => hostnamesOf(other).includes(name));
  const names = hostnamesOf(route);
  return names.length > 0 && names.every(isTaken)
    ? older.find((other) => hostnamesOf(other).some((name) => names.includes(name)))
    : undefined;
}

function hostnamesOf(route: ConnectionRouteObject): readonly string[] {
  return route.kind === "TLSRoute" ? (route.spec.hostnames ?? []) : [];
}

function ofGatewayApi(
  objects: readonly ConnectionRouteObject[],
  client: string,
  port: number,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly PortConnectionRoutes[] {
  const routes = objects.flatMap((object) => {
    const { namespace = "default" } = object.metadata;
    const referrer = { kind: object.kind, namespace, needsGrant: false };
    return routesOfConnectionRoute(object, (backend) => {
      const found = resolveBackend(inputs, fetch, backend, referrer);
      return found.kind === "service" ? found.service : undefined;
    });
  });
  return routes.length === 0 ? [] : [{ port, client, routes, exclusive: true }];
}

/** A list for all, and one for each namespace that VirtualServices are exported to alone. */
function ofIstio(
  service: MeshService,
  port: number,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly PortConnectionRoutes[] {
  const place = { gateways: [meshGateway], port };
  const resolve = resolveDestination(inputs, fetch, port);
  return ["", ...namespacesExportedTo(inputs, fetch, service.hostname)].flatMap((client) => {
    const objects = virtualServicesOf(inputs, fetch, service.hostname, client);
    const routes = objects.flatMap((object) => connectionRoutesOfVirtualService(object, place, resolve));
    return routes.length === 0 ? [] : [{ port, client, routes, exclusive: false }];
  });
}

/** In order: the ports on which some route asks for server names. */
export function serverNamePortsOf(all: readonly PortConnectionRoutes[]): readonly number[] {
  const asking = all.filter(({ routes }) => routes.some(({ match }) => match.serverNames !== undefined));
  return [...new Set(asking.map(({ port }) => port))].sort((a, b) => a - b);
}
