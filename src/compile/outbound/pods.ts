// Pods that are called by their own addresses: a client learns only of those that it can reach.
import type { Fetch } from "#collections/graph.ts";
import type { Client } from "../clients/clients.ts";
import { addressClusterView } from "../clusters/clusters.ts";
import { type EndpointSelection, endpointSelection } from "../clusters/endpoint-lists.ts";
import type { Mesh } from "../mesh.ts";
import type { ClusterReference, ClusterView } from "../views.ts";
import { isReachablePod } from "./reach.ts";

type PodReference = Extract<ClusterReference, { kind: "address" }>;

/** The cluster of a pod; undefined where there is none for the client. */
export function podClusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: PodReference,
): ClusterView | undefined {
  return isReachablePod(mesh, fetch, client, reference.address, reference.port)
    ? addressClusterView(mesh, fetch, client, reference)
    : undefined;
}

/** Its endpoint; the same. */
export function podSelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: PodReference,
): EndpointSelection | undefined {
  return isReachablePod(mesh, fetch, client, reference.address, reference.port)
    ? endpointSelection(mesh, fetch, client, reference)
    : undefined;
}
