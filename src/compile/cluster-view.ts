import type { Fetch } from "#collections/graph.ts";
import type { Client } from "./clients.ts";
import { addressClusterView, bareClusterView, serviceClusterView } from "./clusters.ts";
import { connectionClusterView } from "./connection-clusters.ts";
import type { Mesh } from "./graph.ts";
import type { ClusterReference, ClusterView } from "./views.ts";

/** What a proxy gets for a cluster. There is always one: a request for a cluster that is not there would hang. */
export function clusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  reference: ClusterReference,
): ClusterView {
  switch (reference.kind) {
    case "service":
      return serviceClusterView(mesh, fetch, client, reference);
    case "address":
      return addressClusterView(mesh, fetch, client, reference) ?? bareClusterView(reference, "http", "none");
    case "tcp":
    case "tls":
      return connectionClusterView(mesh, fetch, client, reference);
  }
}
