import type { Fetch } from "#collections/graph.ts";
import { connectionRoutesOfVirtualService } from "#model/istio/connection-routes.ts";
import { referenceOf } from "#model/reference.ts";
import type { Client } from "../clients/clients.ts";
import type { GatewayTcpView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { matchingRoute, weighedDestinations } from "../outbound/connections.ts";
import { byAge } from "../routing/by-age.ts";
import { type GatewayServer, hostsOnServer, keyOfGateway } from "../routing/istio-servers.ts";
import { isExportedTo, resolveDestination } from "../routing/virtual-services.ts";

/**
 * Where the connections to a port of a gateway's pod go: the first rule that matches, of the oldest VirtualService. Of
 * a connection nothing is known but the port and the gateway: rules by destinationSubnets take none.
 */
export function istioTcpView(
  mesh: Mesh,
  fetch: Fetch,
  port: number,
  servers: readonly GatewayServer[],
  client: Client,
): GatewayTcpView {
  const routes = servers
    .flatMap((each) =>
      fetch
        .by(mesh.routing.virtualServicesByGateway, keyOfGateway(each.gateway))
        .filter((virtualService) => isExportedTo(virtualService, client.namespace))
        .filter((virtualService) => hostsOnServer(virtualService, each).length > 0)
        .map((virtualService) => ({ virtualService, ...each })),
    )
    .sort((a, b) => byAge(a.virtualService, b.virtualService))
    .flatMap(({ virtualService, gateway, server }) =>
      connectionRoutesOfVirtualService(
        virtualService,
        { gateways: [keyOfGateway(gateway)], port: server.port.number },
        resolveDestination(mesh.routing, fetch, server.port.number),
      ),
    );
  const route = matchingRoute(routes, client, { port });
  const origins = servers.map(({ gateway }) => referenceOf(gateway));
  return {
    kind: "tcp",
    port,
    destinations: route === undefined ? [] : weighedDestinations(route),
    origins: route === undefined ? origins : [...origins, route.origin],
  };
}
