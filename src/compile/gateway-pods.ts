// What a gateway's pod has: its listeners, and the clusters that the connections to them go to.
import type { Fetch } from "#collections/graph.ts";
import { balancedFor } from "./cluster-view.ts";
import { listenersOfPod } from "./gateway.ts";
import { gatewayClusterView, gatewaySelection } from "./gateway-tcp.ts";
import type { Mesh } from "./graph.ts";
import type { GatewayListenerView } from "./listener-views.ts";
import type { ClusterView } from "./views.ts";
import type { WeightedSelection } from "./weighted-endpoints.ts";

/** The listeners of a pod by its key; none where it is no gateway. */
export function gatewayListeners(mesh: Mesh, fetch: Fetch, pod: string): readonly GatewayListenerView[] {
  const workload = fetch.get(mesh.workloads, pod);
  const client = fetch.get(mesh.clients, pod);
  return workload?.proxy !== "gateway" || client === undefined
    ? []
    : listenersOfPod(mesh, fetch, workload, client);
}

/** The cluster of a port of connections; undefined where it is none. */
export function gatewayCluster(mesh: Mesh, fetch: Fetch, pod: string, port: number): ClusterView | undefined {
  const [client, view] = [fetch.get(mesh.clients, pod), tcpPort(mesh, fetch, pod, port)];
  return client === undefined || view === undefined
    ? undefined
    : balancedFor(client, gatewayClusterView(mesh, fetch, client, view));
}

/** The endpoints of that cluster; undefined where it has no list of its own. */
export function gatewayEndpoints(
  mesh: Mesh,
  fetch: Fetch,
  pod: string,
  port: number,
): WeightedSelection | undefined {
  const [client, view] = [fetch.get(mesh.clients, pod), tcpPort(mesh, fetch, pod, port)];
  return client === undefined || view === undefined ? undefined : gatewaySelection(mesh, fetch, client, view);
}

function tcpPort(mesh: Mesh, fetch: Fetch, pod: string, port: number) {
  const view = gatewayListeners(mesh, fetch, pod).find((each) => each.port === port);
  return view?.kind === "tcp" ? view : undefined;
}
