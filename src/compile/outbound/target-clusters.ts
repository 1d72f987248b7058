// The cluster of connections that go to some destinations, under a name of its own.
import type { Fetch } from "#collections/graph.ts";
import type { ConnectionDestination } from "#model/connection-route.ts";
import type { Origin } from "#model/reference.ts";
import type { Client } from "../clients/clients.ts";
import { bareClusterView, hostEndpoint, serviceCluster, serviceClusterView } from "../clusters/clusters.ts";
import { sharingView, type WeightedSelection, weightedSelection } from "../clusters/weighted-endpoints.ts";
import type { Mesh } from "../mesh.ts";
import type { ClusterReference, ClusterView, ServiceLabel } from "../views.ts";
import type { ConnectionTarget } from "./connections.ts";

/** What stands for connections. */
export type ConnectionReference = Extract<ClusterReference, { kind: "tcp" | "tls" | "host" | "gateway" }>;

/** `shared`: the service that telemetry reports where there is not exactly one destination. */
export function targetView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionReference,
  { destinations, origins }: ConnectionTarget,
  shared: ServiceLabel | undefined,
): ClusterView {
  const [only] = destinations;
  const isOne = only !== undefined && destinations.length === 1;
  const view = isOne
    ? onlyView(mesh, fetch, client, reference, only)
    : sharedView(mesh, fetch, client, reference, destinations);
  return {
    ...view,
    reference,
    protocol: "tcp",
    service: isOne ? view.service : shared,
    origins: distinct([...origins, ...view.origins]),
  };
}

/** The endpoints of a cluster that several destinations share; undefined for one that has no list of its own. */
export function targetSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionReference,
  { destinations, origins }: ConnectionTarget,
): WeightedSelection | undefined {
  return destinations.length < 2
    ? undefined
    : weightedSelection(mesh, fetch, client, reference, destinations, origins);
}

function onlyView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionReference,
  { service, subset }: ConnectionDestination,
): ClusterView {
  if (service === undefined) return bareClusterView(reference, "tcp", "none");
  const view = serviceClusterView(mesh, fetch, client, serviceCluster(service, subset));
  if (view.endpoints.kind !== "dnsOfRequest" || reference.kind !== "tls") return view;
  // The name is known here, so that no proxy is needed that would look it up for each connection.
  const host = hostEndpoint(reference.hostname, view.endpoints.port);
  return { ...view, endpoints: { kind: "dns", answers: "first", endpoints: [host] } };
}

/**
 * Its settings are those of the first destination that can be used: there is only one cluster to have them. Where some
 * cannot be used nothing is ejected, for what stands for their share would be.
 */
function sharedView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ConnectionReference,
  destinations: readonly ConnectionDestination[],
): ClusterView {
  const views = destinations.flatMap((destination) => sharingView(mesh, fetch, client, destination) ?? []);
  const [settings] = views;
  if (settings === undefined) return bareClusterView(reference, "tcp", "none");
  const { outlierDetection, ...others } = settings;
  return {
    ...others,
    ...(outlierDetection === undefined || views.length < destinations.length ? {} : { outlierDetection }),
    endpoints: { kind: "listed", list: reference },
    tls: undefined,
    shares: views.flatMap(({ reference: cluster, tls }) => (tls === undefined ? [] : [{ cluster, tls }])),
    weighsLocalities: true,
    reachesUnmeshed: views.some((view) => view.reachesUnmeshed),
    origins: views.flatMap(({ origins }) => origins),
  };
}

function distinct(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin])).values()];
}
