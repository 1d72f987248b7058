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
export const podClusterView = ofReachable<ClusterView>(addressClusterView);

/** Its endpoint; the same. */
export const podSelection = ofReachable<EndpointSelection>(endpointSelection);

type OfPod<Made> = (mesh: Mesh, fetch: Fetch, client: Client, reference: PodReference) => Made | undefined;

function ofReachable<Made>(make: OfPod<Made>): OfPod<Made> {
  return (mesh, fetch, client, reference) =>
    isReachablePod(mesh, fetch, client, reference.address, reference.port)
      ? make(mesh, fetch, client, reference)
      : undefined;
}
