// A Gateway's listeners with their routes, whole: strangers choose the Host, so nothing is on demand.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import { type GatewayRoute, hostnamesOf, routesOnListener, servedRoutes } from "./attachments.ts";
import { clientOfKey } from "./clients.ts";
import type { Mesh } from "./graph.ts";
import { withHashKeys } from "./hash-keys.ts";
import { listenerFault } from "./listeners.ts";
import { routeView } from "./outbound.ts";
import { routesInOrder } from "./routes.ts";
import type { GatewayListenerView, GatewayVirtualHostView } from "./views.ts";

/** The HTTP listeners of a gateway, one per port. */
export function gatewayListenerViews(mesh: Mesh, fetch: Fetch, key: string): readonly GatewayListenerView[] {
  const gateway = fetch.get(mesh.routing.gateways, key);
  if (gateway === undefined) return [];
  const listeners = gateway.spec.listeners.filter(
    (listener) => listenerFault(gateway, listener) === undefined,
  );
  const ports = [...new Set(listeners.map((listener) => listener.port))].sort((a, b) => a - b);
  const { namespace = "default", name } = gateway.metadata;
  return ports.map((port) => ({
    port,
    virtualHosts: virtualHosts(mesh, fetch, gateway, port),
    origins: [{ kind: "Gateway", namespace, name }],
  }));
}

function virtualHosts(
  mesh: Mesh,
  fetch: Fetch,
  gateway: Gateway,
  port: number,
): readonly GatewayVirtualHostView[] {
  const byHost = new Map<string, Set<GatewayRoute>>();
  for (const listener of gateway.spec.listeners) {
    if (listener.port !== port) continue;
    const attached = routesOnListener(mesh.routing, fetch, gateway, listener);
    for (const route of servedRoutes(listener, attached)) {
      for (const host of hostnamesOf(listener, route)) {
        byHost.set(host, (byHost.get(host) ?? new Set()).add(route));
      }
    }
  }
  return [...byHost.entries()]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([host, routes]) => ({
      name: host,
      domains: [host],
      routes: withHashKeys(
        mesh,
        fetch,
        clientOfKey(gateway.metadata.namespace ?? "default"),
        routesInOrder([...routes], true, mesh.routing, fetch).map((route) => routeView(route, port)),
      ),
    }));
}
