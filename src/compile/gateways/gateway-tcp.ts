// TCP listeners of Gateways of the Gateway API, and the clusters of all ports of gateways that pass connections on.
import type { Fetch } from "#collections/graph.ts";
import { routesOfConnectionRoute } from "#model/gateway-api/connection-routes.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { Client } from "../clients/clients.ts";
import type { WeightedSelection } from "../clusters/weighted-endpoints.ts";
import type { GatewayTcpView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { weighedDestinations } from "../outbound/connections.ts";
import { targetSelection, targetView } from "../outbound/target-clusters.ts";
import { resolveBackend } from "../routing/backends.ts";
import { tcpRoutesOnListener } from "../routing/listener-attachments.ts";
import type { Listener } from "../routing/listeners.ts";
import { serviceLabel, serviceOfHost } from "../services/services.ts";
import type { ClusterView, ServiceLabel } from "../views.ts";

/** The first rule of the oldest route says where all connections go. */
export function tcpListenerView(
  mesh: Mesh,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
): GatewayTcpView {
  const { namespace = "default", name } = gateway.metadata;
  const origin = { kind: "Gateway", namespace, name };
  const { port } = listener;
  const [object] = tcpRoutesOnListener(mesh.routing, fetch, gateway, listener);
  if (object === undefined) return { kind: "tcp", port, destinations: [], origins: [origin] };
  const referrer = { kind: object.kind, namespace: object.metadata.namespace ?? "default", needsGrant: true };
  const [route] = routesOfConnectionRoute(object, (backend) => {
    const found = resolveBackend(mesh.routing, fetch, backend, referrer);
    return found.kind === "service" ? found.service : undefined;
  });
  return {
    kind: "tcp",
    port,
    destinations: route === undefined ? [] : weighedDestinations(route),
    origins: route === undefined ? [origin] : [origin, route.origin],
  };
}

/** The cluster that the connections to a port go to; their destinations may change without a change of the listener. */
export function gatewayClusterView(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  view: GatewayTcpView,
): ClusterView {
  const shared = commonService(mesh, fetch, client, view);
  return targetView(mesh, fetch, client, { kind: "gateway", port: view.port }, view, shared);
}

/** The endpoints of that cluster; undefined where it has no list of its own. */
export function gatewaySelection(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  view: GatewayTcpView,
): WeightedSelection | undefined {
  return targetSelection(mesh, fetch, client, { kind: "gateway", port: view.port }, view);
}

/** The service of which all destinations are parts. Where there are several, telemetry tells connections by workload. */
function commonService(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { destinations }: GatewayTcpView,
): ServiceLabel | undefined {
  const hostnames = new Set(destinations.flatMap(({ service }) => service?.hostname ?? []));
  const [hostname] = hostnames;
  if (hostname === undefined || hostnames.size > 1) return undefined;
  const service = serviceOfHost(mesh.routing, fetch, hostname, client.namespace);
  return service === undefined ? undefined : serviceLabel(service);
}
