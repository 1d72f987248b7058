// What Istio's Gateways have a gateway's pod serve: the VirtualServices that name them, by host.
import type { Fetch } from "#collections/graph.ts";
import { isForConnections, listeningPort } from "#model/istio/gateway-servers.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { hasLabels } from "#model/object.ts";
import { referenceOf } from "#model/reference.ts";
import type { Workload } from "#model/workload.ts";
import { type Client, routesForClient } from "../clients/clients.ts";
import { serverLimits, serverScopes } from "../inbound/limits.ts";
import type { GatewayHttpView, GatewayListenerView, GatewayVirtualHostView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { withHashKeys } from "../outbound/hash-keys.ts";
import { everything, objectsOfRoutes, routeView } from "../outbound/route-views.ts";
import { byAge } from "../routing/by-age.ts";
import {
  type GatewayServer,
  hostsOfServer,
  hostsOnServer,
  keyOfGateway,
  serversOfPod,
} from "../routing/istio-servers.ts";
import { isExportedTo, virtualServiceRoutes } from "../routing/virtual-services.ts";
import type { RouteView } from "../views.ts";
import { istioTcpView } from "./istio-tcp.ts";

/** The listeners of a gateway's pod, one for each port. */
export function istioListenerViews(
  mesh: Mesh,
  fetch: Fetch,
  workload: Workload,
  client: Client,
): readonly GatewayListenerView[] {
  const services = fetch
    .by(mesh.servicesByNamespace, workload.namespace)
    .filter(({ selector }) => Object.keys(selector).length > 0 && hasLabels(workload.labels, selector));
  const byPort = new Map<number, GatewayServer[]>();
  for (const each of serversOfPod(mesh.routing, fetch, workload.labels)) {
    const port = listeningPort(each.server, services, workload.ports);
    byPort.set(port, [...(byPort.get(port) ?? []), each]);
  }
  return [...byPort].map(([port, servers]) => {
    const ofRequests = servers.filter(({ server }) => !isForConnections(server));
    // Of two protocols on one port that of the oldest Gateway stays.
    return ofRequests[0] === servers[0]
      ? httpView(mesh, fetch, port, ofRequests, client)
      : istioTcpView(
          mesh,
          fetch,
          port,
          servers.filter(({ server }) => isForConnections(server)),
          client,
        );
  });
}

function httpView(
  mesh: Mesh,
  fetch: Fetch,
  port: number,
  servers: readonly GatewayServer[],
  client: Client,
): GatewayHttpView {
  const rateLimits = serverLimits(mesh.routing, fetch, servers);
  const hosts = virtualHosts(mesh, fetch, servers, client);
  return {
    kind: "http",
    port,
    virtualHosts: rateLimits.length === 0 ? hosts.map(({ host }) => host) : hosts.map(withScopes),
    rateLimits,
    origins: [
      ...servers.map(({ gateway }) => referenceOf(gateway)),
      ...objectsOfRoutes(hosts.map(({ host }) => host)),
      ...rateLimits.map(({ origin }) => origin),
    ],
  };
}

interface HostOfServer {
  readonly host: GatewayVirtualHostView;
  /** The first that has it: its requests count there. */
  readonly server: GatewayServer;
}

function withScopes({ host, server }: HostOfServer): GatewayVirtualHostView {
  const scopes = serverScopes(server);
  return { ...host, routes: host.routes.map((route) => ({ ...route, scopes })) };
}

/** Who serves a host: the oldest first, each with the Gateways by which it is reached. */
interface Served {
  readonly virtualServices: Map<VirtualService, Set<string>>;
  readonly server: GatewayServer;
  /** The Gateway that sends clients to HTTPS. */
  redirects?: GatewayServer["gateway"];
}

function virtualHosts(
  mesh: Mesh,
  fetch: Fetch,
  servers: readonly GatewayServer[],
  client: Client,
): readonly HostOfServer[] {
  const byHost = new Map<string, Served>();
  const at = (host: string, server: GatewayServer): Served => {
    const known = byHost.get(host) ?? { virtualServices: new Map(), server };
    byHost.set(host, known);
    return known;
  };
  for (const each of servers) {
    const { gateway, server } = each;
    const key = keyOfGateway(gateway);
    const hosts = new Set<string>();
    for (const virtualService of fetch.by(mesh.routing.virtualServicesByGateway, key)) {
      if (!isExportedTo(virtualService, client.namespace)) continue;
      for (const host of hostsOnServer(virtualService, each)) {
        const { virtualServices } = at(host, each);
        virtualServices.set(virtualService, (virtualServices.get(virtualService) ?? new Set()).add(key));
        hosts.add(host);
      }
    }
    if (server.tls?.httpsRedirect !== true) continue;
    for (const host of [...hosts, ...hostsOfServer(server)]) at(host, each).redirects ??= gateway;
  }
  return [...byHost]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([host, served]) => ({
      host: { name: host, domains: [host], routes: routesOf(mesh, fetch, served, client) },
      server: served.server,
    }));
}

function routesOf(
  mesh: Mesh,
  fetch: Fetch,
  { virtualServices, server, redirects }: Served,
  client: Client,
): readonly RouteView[] {
  const port = server.server.port.number;
  if (redirects !== undefined) return [everything(toHttps, [referenceOf(redirects)])];
  const placed = [...virtualServices]
    .sort(([a], [b]) => byAge(a, b))
    .map(([virtualService, gateways]) => ({ virtualService, place: { gateways: [...gateways], port } }));
  const routes = virtualServiceRoutes(placed, mesh.routing, fetch);
  const views = (routesForClient(routes, client) ?? []).map((route) => routeView(route, port));
  return withHashKeys(mesh, fetch, client, views);
}

const toHttps = {
  kind: "redirect",
  status: 301,
  scheme: "https",
  hostname: undefined,
  port: undefined,
  path: undefined,
} as const;
