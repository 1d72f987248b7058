// Hosts that VirtualServices alone know: no service has them, and requests go where the routes say. As in Istio they are
// names for port 80. https://istio.io/latest/docs/concepts/traffic-management/#virtual-service-example
import type { Fetch } from "#collections/graph.ts";
import { isHostname } from "#model/hostname.ts";
import { isForMesh, meshGateway } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { Origin } from "#model/reference.ts";
import { type Client, routesForClient } from "../clients/clients.ts";
import type { Mesh } from "../mesh.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import { virtualServiceRoutes, virtualServicesOf } from "../routing/virtual-services.ts";
import { meantHostnames } from "../services/services.ts";
import type { RouteView } from "../views.ts";
import { withHashKeys } from "./hash-keys.ts";
import { isAllowed } from "./reach.ts";
import { everything, respond, routeView } from "./route-views.ts";

/** The port that requests to such hosts come to. */
export const virtualHostPort = 80;

/** The hosts of a VirtualService that are names of its own. */
export function ownHosts(
  virtualService: VirtualService,
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly string[] {
  return (virtualService.spec.hosts ?? [])
    .filter(isHostname)
    .map((host) => host.toLowerCase())
    .filter((host) => isOwnHost(virtualService, host, inputs, fetch));
}

/** Whether one of its hosts is. */
export function isOwnHost(
  virtualService: VirtualService,
  host: string,
  inputs: RoutingInputs,
  fetch: Fetch,
): boolean {
  if (!isForMesh(virtualService) || (virtualService.spec.http ?? []).length === 0) return false;
  const { namespace = "default" } = virtualService.metadata;
  return (
    isName(host, inputs, fetch) &&
    meantHostnames(host, namespace).every(
      (hostname) => fetch.by(inputs.servicesByHostname, hostname).length === 0,
    )
  );
}

/** Names of the cluster are those of Services, and so is `name.namespace`. */
function isName(host: string, inputs: RoutingInputs, fetch: Fetch): boolean {
  const labels = host.replace(/^\*\./u, "").split(".");
  if (labels.length < 2 || labels[0] === "*" || labels.at(-1) === "svc") return false;
  if (host.endsWith(".svc.cluster.local") || /^[\d.]+$/u.test(host)) return false;
  return labels.length > 2 || fetch.get(inputs.namespaces, labels[1] ?? "") === undefined;
}

/** What requests with such a Host are subject to. */
export interface VirtualHostRoutes {
  readonly hostname: string;
  readonly routes: readonly RouteView[];
  readonly origins: readonly Origin[];
}

/** Those that a client may know. */
export function virtualHostsFor(mesh: Mesh, fetch: Fetch, client: Client): readonly VirtualHostRoutes[] {
  const port = virtualHostPort;
  return (fetch.get(mesh.virtualHosts, "") ?? []).flatMap((hostname) => {
    const placed = virtualServicesOf(mesh.routing, fetch, hostname, client.namespace)
      .filter(({ metadata: { namespace = "default" } }) =>
        isAllowed(mesh, fetch, client, { namespace, hostname }, port),
      )
      .map((virtualService) => ({ virtualService, place: { gateways: [meshGateway], port } }));
    const routes = routesForClient(virtualServiceRoutes(placed, mesh.routing, fetch), client) ?? [];
    if (routes.length === 0) return [];
    const views = [
      ...routes.map((route) => routeView(route, port)),
      everything(respond(404, "heddle: no route of this host matches the request\n"), []),
    ];
    return [
      {
        hostname,
        routes: withHashKeys(mesh, fetch, client, views),
        origins: routes.map(({ origin }) => origin),
      },
    ];
  });
}
