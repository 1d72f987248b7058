// A Gateway's listeners with their routes, whole: strangers choose the Host, so nothing is on demand.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { Workload } from "#model/workload.ts";
import { type GatewayRoute, hostnamesOf, routesOnListener, servedRoutes } from "./attachments.ts";
import { type Client, clientOfKey } from "./clients.ts";
import type { Mesh } from "./graph.ts";
import { withHashKeys } from "./hash-keys.ts";
import { istioListenerViews } from "./istio-gateway.ts";
import { listenerFault } from "./listeners.ts";
import { routeView } from "./outbound.ts";
import { routesInOrder } from "./routes.ts";
import type { GatewayListenerView, GatewayVirtualHostView } from "./views.ts";

/** The HTTP listeners of a gateway's pod, one per port: of the Gateway that it runs, and of Istio's that select it. */
export function listenersOfPod(
  mesh: Mesh,
  fetch: Fetch,
  workload: Workload,
  client: Client,
): readonly GatewayListenerView[] {
  const name = workload.labels[gatewayNameLabel];
  const own = name === undefined ? [] : gatewayListenerViews(mesh, fetch, `${workload.namespace}/${name}`);
  const byPort = new Map<number, GatewayListenerView>();
  for (const view of [...own, ...istioListenerViews(mesh, fetch, workload, client)]) {
    const known = byPort.get(view.port);
    byPort.set(view.port, known === undefined ? view : merged(known, view));
  }
  return [...byPort.values()].sort((a, b) => a.port - b.port);
}

/** The routes of the first for a host are tried first. */
function merged(first: GatewayListenerView, second: GatewayListenerView): GatewayListenerView {
  const hosts = new Map<string, GatewayVirtualHostView>();
  for (const host of [...first.virtualHosts, ...second.virtualHosts]) {
    const known = hosts.get(host.name);
    hosts.set(
      host.name,
      known === undefined ? host : { ...known, routes: [...known.routes, ...host.routes] },
    );
  }
  return { ...first, virtualHosts: [...hosts.values()], origins: [...first.origins, ...second.origins] };
}

/** The HTTP listeners of a Gateway of the Gateway API, one per port. */
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
