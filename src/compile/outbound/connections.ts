// Where a client's connection to a service goes.

import type { Fetch } from "#collections/graph.ts";
import type { ConnectionDestination, ConnectionMatch, ConnectionRoute } from "#model/connection-route.ts";
import { coversHost } from "#model/host-pattern.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { type Client, isSource } from "../clients/clients.ts";
import { isWithin } from "../endpoints/address-ranges.ts";
import type { Mesh } from "../mesh.ts";
import { routesKey } from "../routing/routes.ts";
import { serviceOrigin } from "../services/services.ts";

/** What is known of a connection when it is made. */
export interface Connection {
  /** What was dialled, where that tells services apart. */
  readonly address?: string;
  readonly port: number;
  /** What TLS asks for, where the client speaks it and says so. */
  readonly serverName?: string;
}

/** Where connections go, by weight; nowhere, where there is no destination. */
export interface ConnectionTarget {
  readonly destinations: readonly ConnectionDestination[];
  readonly origins: readonly Origin[];
}

/**
 * What the routes say of a connection to a service: of those that match, the one with the most specific server name
 * decides, of equal ones the first. Without any the connection goes to the service that was dialled.
 */
export function connectionTarget(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  connection: Connection,
): ConnectionTarget {
  const { port } = connection;
  const found =
    fetch.get(mesh.connectionRoutes, routesKey(service, port, client.namespace)) ??
    fetch.get(mesh.connectionRoutes, routesKey(service, port, ""));
  const origins = [serviceOrigin(service)];
  const route = matchingRoute(found?.routes ?? [], client, connection);
  if (route !== undefined) {
    return { destinations: weighedDestinations(route), origins: [...origins, route.origin] };
  }
  if (found?.exclusive === true) {
    return { destinations: [], origins: [...origins, ...found.routes.map(({ origin }) => origin)] };
  }
  return { destinations: [{ service: { hostname: service.hostname, port }, weight: 1 }], origins };
}

/** Of the routes that match a connection the one with the most specific server name, of equal ones the first. */
export function matchingRoute(
  routes: readonly ConnectionRoute[],
  client: Client,
  connection: Connection,
): ConnectionRoute | undefined {
  const [best] = routes
    .filter(({ match }) => matches(match, client, connection))
    .map((route) => ({ route, rank: specificity(route.match, connection.serverName) }))
    .sort((a, b) => b.rank - a.rank);
  return best?.route;
}

/** Those of a route that get anything. */
export function weighedDestinations({ destinations }: ConnectionRoute): readonly ConnectionDestination[] {
  return destinations.filter(({ weight }) => weight > 0);
}

function matches(match: ConnectionMatch, client: Client, { address, serverName }: Connection): boolean {
  const { serverNames, destinationRanges, source } = match;
  return (
    (serverNames === undefined || serverNames.some((name) => coversName(name, serverName))) &&
    (destinationRanges === undefined ||
      (address !== undefined && destinationRanges.some((range) => isWithin(address, range)))) &&
    isSource(client, source)
  );
}

/** Whether a name of a route means the one that TLS asks for, whatever their case. */
function coversName(name: string, serverName: string | undefined): boolean {
  return serverName !== undefined && coversHost(name.toLowerCase(), serverName.toLowerCase());
}

/** The longest name that covers what is asked for; a whole one goes before all with a wildcard. */
function specificity({ serverNames }: ConnectionMatch, serverName: string | undefined): number {
  const covering = (serverNames ?? []).filter((name) => coversName(name, serverName));
  return Math.max(0, ...covering.map((name) => (name.startsWith("*") ? name.length : 1_000 + name.length)));
}
