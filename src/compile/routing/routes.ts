// Routes of all kinds → the ordered routes of each service port, for everybody or for one client namespace.
import type { Fetch } from "#collections/graph.ts";
import { routesOfGrpcRoute } from "#model/gateway-api/grpc-routes.ts";
import { routesOfHttpRoute } from "#model/gateway-api/http-routes.ts";
import { meshGateway } from "#model/istio/gateway-names.ts";
import type { Route } from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { servicePortKey } from "../services/services.ts";
import { attachedRoutes, audienceOf, type GatewayRoute, isAttachedTo, isForRequests } from "./attachments.ts";
import { withSessions } from "./backend-policies.ts";
import { resolveBackend } from "./backends.ts";
import { byAge } from "./by-age.ts";
import type { RoutingInputs } from "./routing-inputs.ts";
import { namespacesExportedTo, virtualServiceRoutes, virtualServicesOf } from "./virtual-services.ts";

/** The routes of one service port; `client` is the one namespace that they are for, or "" for all. */
export interface PortRoutes {
  readonly client: string;
  readonly routes: readonly Route[];
}

/** The key of the routes of a service port for clients of a namespace. */
export function routesKey(service: MeshService, port: number, client: string): string {
  return `${servicePortKey(service, port)}@${client}`;
}

/**
 * All routes of a service, a list per port and audience. Routes of the service's own namespace are for all clients;
 * those of another namespace are for the clients there, and go before (GAMMA, producer and consumer routes).
 * GRPCRoutes go before HTTPRoutes, and where routes of any kind are attached for all, VirtualServices for the host have
 * no effect.
 */
export function routesOfService(
  service: MeshService,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly (readonly [string, PortRoutes])[] {
  const attached = attachedRoutes(inputs, fetch, service);
  const clients = new Set(attached.map((route) => audienceOf(route, service)));
  const found: (readonly [string, PortRoutes])[] = [];
  for (const { port } of service.ports) {
    const here = attached.filter((route) => isAttachedTo(route, service, port));
    for (const client of clients) {
      const own = mostSpecificKind(
        here.filter(isForRequests).filter((route) => audienceOf(route, service) === client),
      );
      if (own.length === 0) continue;
      const routes = routesInOrder(own, false, inputs, fetch);
      found.push([routesKey(service, port, client), { client, routes }]);
    }
    if (clients.has("")) continue;
    for (const client of ["", ...namespacesExportedTo(inputs, fetch, service.hostname)]) {
      const shared = virtualServicesOf(inputs, fetch, service.hostname, client);
      const place = { gateways: [meshGateway], port };
      const placed = shared.map((virtualService) => ({ virtualService, place }));
      const routes = virtualServiceRoutes(placed, inputs, fetch);
      if (routes.length > 0) found.push([routesKey(service, port, client), { client, routes }]);
    }
  }
  return found;
}

/** See `moreSpecificRoute`. */
function mostSpecificKind(routes: readonly GatewayRoute[]): readonly GatewayRoute[] {
  const grpc = routes.filter(({ kind }) => kind === "GRPCRoute");
  return grpc.length > 0 ? grpc : routes;
}

/** The routes of objects that share a place, in the order in which they are tried. */
export function routesInOrder(
  objects: readonly GatewayRoute[],
  needsGrant: boolean,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly Route[] {
  const routes = [...objects].sort(byAge).flatMap((object) => {
    const { namespace = "default" } = object.metadata;
    const referrer = { kind: object.kind, namespace, needsGrant };
    const resolve = (backend: Parameters<typeof resolveBackend>[2]) => {
      const found = resolveBackend(inputs, fetch, backend, referrer);
      return found.kind === "service" ? found.service : undefined;
    };
    return object.kind === "GRPCRoute"
      ? routesOfGrpcRoute(object, resolve)
      : routesOfHttpRoute(object, resolve);
  });
  return withSessions(bySpecificity(routes), inputs, fetch);
}

/** The higher rank first; ties keep the order of the objects. */
function bySpecificity(routes: readonly Route[]): readonly Route[] {
  return routes
    .map((route, index) => ({ route, index }))
    .sort((a, b) => compareRanks(b.route.rank, a.route.rank) || a.index - b.index)
    .map(({ route }) => route);
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}
