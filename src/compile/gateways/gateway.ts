// A Gateway's listeners with their routes, whole: strangers choose the Host, so nothing is on demand.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { Workload } from "#model/workload.ts";
import { type Client, clientOfKey } from "../clients/clients.ts";
import { gatewayLimits, routeScopes } from "../inbound/limits.ts";
import type { GatewayHttpView, GatewayListenerView, GatewayVirtualHostView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { withHashKeys } from "../outbound/hash-keys.ts";
import { objectsOfRoutes, routeView } from "../outbound/route-views.ts";
import type { GatewayRoute } from "../routing/attachments.ts";
import { hostnamesOf, routesOnListener, servedRoutes } from "../routing/listener-attachments.ts";
import { type Listener, listenerFault } from "../routing/listeners.ts";
import { routesInOrder } from "../routing/routes.ts";
import { tcpListenerView } from "./gateway-tcp.ts";
import { istioListenerViews } from "./istio-gateway.ts";

/** The listeners of a gateway's pod, one per port: of the Gateway that it runs, and of Istio's that select it. */
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

/**
 * What a Gateway and Istio's say of one port. The routes of the first for a host are tried first; a port of connections
 * has one owner, and so has one with two protocols.
 */
function merged(first: GatewayListenerView, second: GatewayListenerView): GatewayListenerView {
  if (first.kind === "http" && second.kind === "http") return mergedHttp(first, second);
  const isIdle = first.kind === "tcp" && second.kind === "tcp" && first.destinations.length === 0;
  return isIdle ? second : first;
}

function mergedHttp(first: GatewayHttpView, second: GatewayHttpView): GatewayHttpView {
  const hosts = new Map<string, GatewayVirtualHostView>();
  for (const host of [...first.virtualHosts, ...second.virtualHosts]) {
    const known = hosts.get(host.name);
    hosts.set(
      host.name,
      known === undefined ? host : { ...known, routes: [...known.routes, ...host.routes] },
    );
  }
  return {
    ...first,
    virtualHosts: [...hosts.values()],
    rateLimits: [...first.rateLimits, ...second.rateLimits],
    origins: [...first.origins, ...second.origins],
  };
}

/** The listeners of a Gateway of the Gateway API, one per port. */
export function gatewayListenerViews(mesh: Mesh, fetch: Fetch, key: string): readonly GatewayListenerView[] {
  const gateway = fetch.get(mesh.routing.gateways, key);
  if (gateway === undefined) return [];
  const listeners = gateway.spec.listeners.filter(
    (listener) => listenerFault(gateway, listener) === undefined,
  );
  const byPort = new Map(listeners.map((listener) => [listener.port, listener]));
  return [...byPort.values()]
    .sort((a, b) => a.port - b.port)
    .map((listener) =>
      listener.protocol === "TCP"
        ? tcpListenerView(mesh, fetch, gateway, listener)
        : httpListenerView(mesh, fetch, gateway, listener.port),
    );
}

function httpListenerView(mesh: Mesh, fetch: Fetch, gateway: Gateway, port: number): GatewayHttpView {
  const { namespace = "default", name } = gateway.metadata;
  const client = clientOfKey(namespace);
  const served = servedOnPort(mesh, fetch, gateway, port);
  const routes = new Set(served.flatMap((host) => [...host.routes]));
  const rateLimits = gatewayLimits(mesh.routing, fetch, gateway, port, [...routes]);
  const byListener = rateLimits.some(({ scope }) => scope?.kind === "listener");
  const virtualHosts = served.map((host) => virtualHost(mesh, fetch, host, client, port, byListener));
  return {
    kind: "http",
    port,
    virtualHosts,
    rateLimits,
    origins: [
      { kind: "Gateway", namespace, name },
      ...objectsOfRoutes(virtualHosts),
      ...new Map(rateLimits.map(({ origin }) => [`${origin.namespace}/${origin.name}`, origin])).values(),
    ],
  };
}

/** A hostname with the routes that are served under it; its requests are those of one listener. */
interface ServedHost {
  readonly host: string;
  readonly listener: Listener;
  readonly routes: Set<GatewayRoute>;
}

function servedOnPort(mesh: Mesh, fetch: Fetch, gateway: Gateway, port: number): readonly ServedHost[] {
  const byHost = new Map<string, ServedHost>();
  // Of several listeners for a host the most specific takes its requests.
  const listeners = gateway.spec.listeners
    .filter((listener) => listener.port === port)
    .sort((a, b) => (b.hostname ?? "").length - (a.hostname ?? "").length);
  for (const listener of listeners) {
    const attached = routesOnListener(mesh.routing, fetch, gateway, listener);
    for (const route of servedRoutes(listener, attached)) {
      for (const host of hostnamesOf(listener, route)) {
        const served = byHost.get(host) ?? { host, listener, routes: new Set() };
        byHost.set(host, served);
        served.routes.add(route);
      }
    }
  }
  return [...byHost.values()].sort((a, b) => a.host.localeCompare(b.host));
}

function virtualHost(
  mesh: Mesh,
  fetch: Fetch,
  { host, listener, routes }: ServedHost,
  client: Client,
  port: number,
  byListener: boolean,
): GatewayVirtualHostView {
  const views = routesInOrder([...routes], true, mesh.routing, fetch).map((route) => {
    const own = routeScopes(mesh.routing, fetch, route);
    return routeView(route, port, byListener ? { listener: listener.name, ...own } : own);
  });
  return { name: host, domains: [host], routes: withHashKeys(mesh, fetch, client, views) };
}
