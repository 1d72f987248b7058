// A Gateway's listeners with their routes, whole: strangers choose the Host, so nothing is on demand.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import { routesOfHttpRoute } from "#model/gateway-api/routes.ts";
import type { Mesh } from "./graph.ts";
import { routeView } from "./outbound.ts";
import { byAge, bySpecificity } from "./routes.ts";
import type { GatewayListenerView, GatewayVirtualHostView } from "./views.ts";

type Listener = Gateway["spec"]["listeners"][number];

/** The keys of the Gateways that an HTTPRoute is attached to. */
export function parentGateways(route: HttpRoute): readonly string[] {
  const own = route.metadata.namespace ?? "default";
  return (route.spec.parentRefs ?? [])
    .filter((parent) => (parent.kind ?? "Gateway") === "Gateway")
    .map((parent) => `${parent.namespace ?? own}/${parent.name}`);
}

/** The HTTP listeners of a gateway, one per port. */
export function gatewayListenerViews(mesh: Mesh, fetch: Fetch, key: string): readonly GatewayListenerView[] {
  const gateway = fetch.get(mesh.gateways, key);
  if (gateway === undefined) return [];
  const listeners = gateway.spec.listeners.filter((listener) => listener.protocol === "HTTP");
  const routes = [...fetch.by(mesh.gatewayRoutes, key)].sort(byAge);
  const ports = [...new Set(listeners.map((listener) => listener.port))].sort((a, b) => a - b);
  const { namespace = "default", name } = gateway.metadata;
  return ports.map((port) => ({
    port,
    virtualHosts: virtualHosts(
      mesh,
      fetch,
      routes.filter((route) =>
        listeners.some((listener) => listener.port === port && accepts(gateway, listener, route)),
      ),
    ),
    origins: [{ kind: "Gateway", namespace, name }],
  }));
}

function accepts(gateway: Gateway, listener: Listener, route: HttpRoute): boolean {
  const routeNamespace = route.metadata.namespace ?? "default";
  const gatewayNamespace = gateway.metadata.namespace ?? "default";
  const from = listener.allowedRoutes?.namespaces?.from ?? "Same";
  return (
    (from === "All" || routeNamespace === gatewayNamespace) &&
    (route.spec.parentRefs ?? []).some(
      (parent) =>
        (parent.kind ?? "Gateway") === "Gateway" &&
        parent.name === gateway.metadata.name &&
        (parent.namespace ?? routeNamespace) === gatewayNamespace &&
        (parent.sectionName === undefined || parent.sectionName === listener.name) &&
        (parent.port === undefined || parent.port === listener.port),
    )
  );
}

function virtualHosts(
  mesh: Mesh,
  fetch: Fetch,
  routes: readonly HttpRoute[],
): readonly GatewayVirtualHostView[] {
  const exists = (namespace: string, name: string, port: number) =>
    fetch.get(mesh.services, `${namespace}/${name}`)?.ports.some((p) => p.port === port) === true;
  const byHost = new Map<string, HttpRoute[]>();
  for (const route of routes) {
    const hosts = route.spec.hostnames ?? [];
    for (const host of hosts.length === 0 ? ["*"] : hosts) {
      byHost.set(host, [...(byHost.get(host) ?? []), route]);
    }
  }
  return [...byHost.entries()]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([host, attached]) => ({
      name: host,
      domains: host === "*" ? ["*"] : [host, `${host}:*`],
      routes: bySpecificity(attached.flatMap((route) => routesOfHttpRoute(route, exists))).map(routeView),
    }));
}
