// The clusters that connections are given to, each named by the address that the application dialled.
import type { Fetch } from "#collections/graph.ts";
import type { ConnectionDestination } from "#model/connection-route.ts";
import type { Origin } from "#model/reference.ts";
import type { Client } from "./clients.ts";
import { addressClusterView, bareClusterView, serviceCluster, serviceClusterView } from "./clusters.ts";
import { type ConnectionTarget, connectionTarget } from "./connections.ts";
import type { Mesh } from "./graph.ts";
import { serviceLabel } from "./services.ts";
import type { ClusterReference, ClusterView } from "./views.ts";
import { type WeightedSelection, weightedSelection } from "./weighted-endpoints.ts";

/** Those that stand for connections. */
export type ConnectionCluster = Extract<ClusterReference, { kind: "tcp" }>;

/**
 * To a service's virtual IP: what routes say of it, else its endpoints; to a pod: that pod; to anything else: as dialled,
 * without TLS.
 */
export function connectionClusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
): ClusterView {
  const { address, port } = reference;
  const service = fetch.by(mesh.servicesByAddress, address)[0];
  if (service === undefined) {
    const pod = addressClusterView(mesh, fetch, { kind: "address", address, port });
    return { ...(pod ?? bareClusterView(reference, "tcp", "asDialled")), reference, protocol: "tcp" };
  }
  const target = connectionTarget(mesh, fetch, client, service, reference);
  const [first, ...others] = target.destinations;
  const view =
    first === undefined || others.length === 0
      ? destinationView(mesh, fetch, client, reference, first)
      : { ...sharedView(mesh, fetch, client, reference, target), service: serviceLabel(service) };
  return { ...view, reference, protocol: "tcp", origins: distinct([...target.origins, ...view.origins]) };
}

/** The endpoints of a cluster that several destinations share; undefined for one that has no list of its own. */
export function connectionSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
): WeightedSelection | undefined {
  const service = fetch.by(mesh.servicesByAddress, reference.address)[0];
  if (service === undefined) return undefined;
  const { destinations, origins } = connectionTarget(mesh, fetch, client, service, reference);
  return destinations.length < 2
    ? undefined
    : weightedSelection(mesh, fetch, client, reference, destinations, origins);
}

function distinct(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin])).values()];
}

function destinationView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
  destination: ConnectionDestination | undefined,
): ClusterView {
  return destination?.service === undefined
    ? bareClusterView(reference, "tcp", "none")
    : serviceClusterView(mesh, fetch, client, serviceCluster(destination.service, destination.subset));
}

/** Its settings are those of the first destination that can be used: there is only one cluster to have them. */
function sharedView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionCluster,
  { destinations }: ConnectionTarget,
): ClusterView {
  const views = destinations.flatMap((destination) =>
    destination.service === undefined ? [] : [destinationView(mesh, fetch, client, reference, destination)],
  );
  const settings = views[0] ?? bareClusterView(reference, "tcp", "none");
  return {
    ...settings,
    endpoints: { kind: "listed", list: reference },
    tls: undefined,
    shares: views.flatMap(({ reference: cluster, tls }) => (tls === undefined ? [] : [{ cluster, tls }])),
    reachesUnmeshed: views.some((view) => view.reachesUnmeshed),
    origins: views.flatMap(({ origins }) => origins),
  };
}
