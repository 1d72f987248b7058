import type { Fetch } from "#collections/graph.ts";
import type { Client } from "../clients/clients.ts";
import { bareClusterView, serviceClusterView } from "../clusters/clusters.ts";
import type { Mesh } from "../mesh.ts";
import type { ClusterReference, ClusterView } from "../views.ts";
import { connectionClusterView } from "./connection-clusters.ts";
import { podClusterView } from "./pods.ts";

/** Those that mean the same to all clients that are alike. */
export type ClientCluster = Exclude<ClusterReference, { kind: "gateway" }>;

/** What a proxy gets for a cluster. There is always one: a request for a cluster that is not there would hang. */
export function clusterView(mesh: Mesh, fetch: Fetch, client: Client, reference: ClientCluster): ClusterView {
  return balancedFor(client, viewOf(mesh, fetch, client, reference));
}

/** A cluster that is balanced in a way that a client can. */
export function balancedFor(client: Client, view: ClusterView): ClusterView {
  return view.loadBalancing.kind === "latencyAware" && !canBeLatencyAware(view, client)
    ? { ...view, loadBalancing: { kind: "leastRequest" } }
    : view;
}

/** Latency is that of HTTP requests to endpoints that are known, and the module cannot choose sick ones in a panic. */
function canBeLatencyAware(view: ClusterView, client: Client): boolean {
  const { protocol, endpoints, outlierDetection } = view;
  const mayPanic = (outlierDetection?.minHealthPercent ?? 0) > 0;
  return client.balancesByLatency && protocol === "http" && endpoints.kind === "listed" && !mayPanic;
}

function viewOf(mesh: Mesh, fetch: Fetch, client: Client, reference: ClientCluster): ClusterView {
  switch (reference.kind) {
    case "service":
      return serviceClusterView(mesh, fetch, client, reference);
    case "address":
      return podClusterView(mesh, fetch, client, reference) ?? bareClusterView(reference, "http", "none");
    case "tcp":
    case "tls":
    case "host":
      return connectionClusterView(mesh, fetch, client, reference);
  }
}
