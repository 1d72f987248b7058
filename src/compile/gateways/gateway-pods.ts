// What a gateway's pod has: its listeners, and the clusters that the connections to them go to.
import type { Fetch } from "#collections/graph.ts";
import type { WeightedSelection } from "../clusters/weighted-endpoints.ts";
import type { GatewayListenerView, GatewayTcpView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { balancedFor } from "../outbound/cluster-view.ts";
import type { ClusterView } from "../views.ts";
import { listenersOfPod } from "./gateway.ts";
import { gatewayClusterView, gatewaySelection } from "./gateway-tcp.ts";

/** The listeners of a pod by its key; none where it is no gateway. */
export function gatewayListeners(mesh: Mesh, fetch: Fetch, pod: string): readonly GatewayListenerView[] {
  const workload = fetch.get(mesh.workloads, pod);
  const client = fetch.get(mesh.clients, pod);
  return workload?.proxy !== "gateway" || client === undefined
    ? []
    : listenersOfPod(mesh, fetch, workload, client);
}

/** The cluster that the connections to a port of a pod go to; undefined where nobody knows the pod. */
export function gatewayCluster(
  mesh: Mesh,
  fetch: Fetch,
  pod: string,
  view: GatewayTcpView,
): ClusterView | undefined {
  const client = fetch.get(mesh.clients, pod);
  return client === undefined
    ? undefined
    : balancedFor(client, gatewayClusterView(mesh, fetch, client, view));
}

/** The endpoints of that cluster; undefined where it has no list of its own. */
export function gatewayEndpoints(
  mesh: Mesh,
  fetch: Fetch,
  pod: string,
  view: GatewayTcpView,
): WeightedSelection | undefined {
  const client = fetch.get(mesh.clients, pod);
  return client === undefined ? undefined : gatewaySelection(mesh, fetch, client, view);
}
