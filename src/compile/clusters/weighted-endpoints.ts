// One list of endpoints for several services or subsets, of which each gets its share of the connections.
import type { Fetch } from "#collections/graph.ts";
import type { ConnectionDestination } from "#model/connection-route.ts";
import type { Origin } from "#model/reference.ts";
import type { Client } from "../clients/clients.ts";
import type { Mesh } from "../mesh.ts";
import type {
  ClusterReference,
  ClusterView,
  EndpointView,
  WeightedEndpointsView,
  WeightedPart,
} from "../views.ts";
import { serviceCluster, serviceClusterView } from "./clusters.ts";
import { type EndpointSelection, endpointSelection, endpointsView } from "./endpoint-lists.ts";

/** All that a list of several destinations depends on, so that clients share it. */
export interface WeightedSelection {
  /** The list's name. */
  readonly reference: ClusterReference;
  readonly shares: readonly SelectedShare[];
  readonly origins: readonly Origin[];
}

interface SelectedShare {
  readonly weight: number;
  /** Undefined where the destination cannot be used. */
  readonly selection: EndpointSelection | undefined;
}

/**
 * The cluster of a destination that can have its part of another; undefined for one that cannot: what is behind it must be
 * known by its addresses, and be reached as all in the mesh are.
 */
export function sharingView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { service, subset }: ConnectionDestination,
): ClusterView | undefined {
  if (service === undefined) return undefined;
  const view = serviceClusterView(mesh, fetch, client, serviceCluster(service, subset));
  const { endpoints, origination, proxyProtocol, tunnel } = view;
  const isPlain = origination === undefined && proxyProtocol === undefined && tunnel === undefined;
  return endpoints.kind === "listed" && isPlain ? view : undefined;
}

/** What the destinations of a route, as a client sees them, have for endpoints. */
export function weightedSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ClusterReference,
  destinations: readonly ConnectionDestination[],
  origins: readonly Origin[],
): WeightedSelection {
  const shares = destinations.map((destination) => {
    const view = sharingView(mesh, fetch, client, destination);
    const found = view === undefined ? undefined : endpointSelection(mesh, fetch, client, view.reference);
    // Not by localities: the shares are told apart by them.
    const selection =
      found === undefined
        ? undefined
        : { reference: found.reference, service: found.service, labels: found.labels };
    return { weight: destination.weight, selection };
  });
  return { reference, shares, origins };
}

/** What a proxy gets for a selection. */
export function weightedEndpointsView(
  mesh: Mesh,
  fetch: Fetch,
  { reference, shares, origins }: WeightedSelection,
): WeightedEndpointsView {
  const views = shares.map(({ selection }) =>
    selection === undefined ? undefined : endpointsView(mesh, fetch, selection),
  );
  const parts = partsOf(
    shares.map(({ weight, selection }, index) => ({
      weight,
      cluster: selection?.reference,
      endpoints: views[index]?.endpoints ?? [],
    })),
  );
  return { reference, parts, origins: [...origins, ...views.flatMap((view) => view?.origins ?? [])] };
}

/**
 * Shares may overlap, as a service and one of its subsets do, and Envoy takes an endpoint only once. So the parts are the
 * endpoints that belong to the same shares, and each endpoint brings its part of the weight of every share it is in.
 * A share without endpoints is refused; Envoy would otherwise give it to the others.
 */
function partsOf(shares: readonly WeightedPart[]): readonly WeightedPart[] {
  const members = new Map<string, { readonly endpoint: EndpointView; readonly of: WeightedPart[] }>();
  for (const share of shares) {
    for (const endpoint of share.endpoints) {
      const key = `${endpoint.address}:${endpoint.port}`;
      const member = members.get(key) ?? { endpoint, of: [] };
      member.of.push(share);
      members.set(key, member);
    }
  }
  const parts = new Map<string, WeightedPart>();
  for (const { endpoint, of } of members.values()) {
    const key = of.map((share) => shares.indexOf(share)).join(" ");
    const before = parts.get(key);
    const weight = of.reduce((sum, share) => sum + partOf(share, endpoint), before?.weight ?? 0);
    const endpoints = [...(before?.endpoints ?? []), endpoint];
    parts.set(key, { cluster: of[0]?.cluster, weight, endpoints });
  }
  const refused = shares
    .filter(({ endpoints }) => endpoints.length === 0)
    .reduce((sum, { weight }) => sum + weight, 0);
  const all = [...parts.values()];
  return wholeWeights(refused === 0 ? all : [...all, { cluster: undefined, weight: refused, endpoints: [] }]);
}

/** How much of a share's weight one of its endpoints brings. */
function partOf({ weight, endpoints }: WeightedPart, endpoint: EndpointView): number {
  const total = endpoints.reduce((sum, each) => sum + (each.weight ?? 1), 0);
  return (weight * (endpoint.weight ?? 1)) / total;
}

/** Weights must be integers: where overlapping shares make fractions, all become parts of a million. */
function wholeWeights(parts: readonly WeightedPart[]): readonly WeightedPart[] {
  // A sum of thirds is whole but for the last bits.
  const isWhole = parts.every(({ weight }) => Math.abs(weight - Math.round(weight)) < 1e-6);
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const factor = isWhole ? 1 : 1_000_000 / total;
  return parts.map((part) => ({ ...part, weight: Math.max(1, Math.round(part.weight * factor)) }));
}
