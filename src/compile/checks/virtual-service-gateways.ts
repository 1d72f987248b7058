// The gateways that a VirtualService names.
import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import { gatewayKey, gatewaysOf, meshGateway } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { hostsOnServer } from "../istio-servers.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** Whether they are there and have a server for a host, and whether no match names others. */
export function checkGateways(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { namespace = "default" } = virtualService.metadata;
  const named = gatewaysOf(virtualService);
  return [
    ...(virtualService.spec.gateways ?? []).flatMap((name, index) => {
      const key = gatewayKey(name, namespace);
      return key === meshGateway
        ? []
        : checkGateway(virtualService, key, `spec.gateways[${index}]`, inputs, fetch);
    }),
    ...(virtualService.spec.http ?? []).flatMap(({ match = [] }, index) =>
      match.flatMap(({ gateways = [] }, at) =>
        gateways
          .filter((name) => !named.includes(gatewayKey(name, namespace)))
          .map((name) =>
            warning(
              `spec.http[${index}].match[${at}].gateways`,
              `${name} is none of the gateways of this VirtualService; add it to spec.gateways`,
            ),
          ),
      ),
    ),
  ];
}

function checkGateway(
  virtualService: VirtualService,
  key: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const gateway = fetch.get(inputs.routing.istioGateways, key);
  if (gateway === undefined) {
    const message = `there is no Gateway ${key} of networking.istio.io; define it or correct the name`;
    return [error(field, message, "NoMatchingParent")];
  }
  if (serves(gateway, virtualService)) return [];
  const message = `no host fits a server of Gateway ${key}; correct the hosts of one of them`;
  return [error(field, message, "NoMatchingListenerHostname")];
}

function serves(gateway: IstioGateway, virtualService: VirtualService): boolean {
  return (gateway.spec.servers ?? []).some(
    (server) => hostsOnServer(virtualService, { gateway, server }).length > 0,
  );
}
