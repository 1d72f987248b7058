// The gateways that a VirtualService names.
import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import { gatewayKey, gatewaysOf, isForMesh, meshGateway } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { byAge } from "../routing/by-age.ts";
import { hostsOnServer, keyOfGateway } from "../routing/istio-servers.ts";
import { isHostname } from "./hostname.ts";
import type { CheckInputs } from "./inputs.ts";
import { besideOlder } from "./virtual-service-rivals.ts";

/** Whether they are there and have servers for the hosts, and whether no match names others. */
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
    ...checkHosts(virtualService, inputs, fetch),
    ...(["http", "tls", "tcp"] as const).flatMap((kind) =>
      (virtualService.spec[kind] ?? []).flatMap(({ match = [] }, index) =>
        match.flatMap(({ gateways = [] }, at) =>
          gateways
            .filter((name) => !named.includes(gatewayKey(name, namespace)))
            .map((name) =>
              warning(
                `spec.${kind}[${index}].match[${at}].gateways`,
                `${name} is none of the gateways of this VirtualService; add it to spec.gateways`,
              ),
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
  if (serves(gateway, virtualService)) return checkRivals(virtualService, key, field, inputs, fetch);
  const message = `no host fits a server of Gateway ${key}; correct the hosts of one of them`;
  return [error(field, message, "NoMatchingListenerHostname")];
}

/** Hosts that no server has, where others have one. */
function checkHosts(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (isForMesh(virtualService)) return [];
  const gateways = gatewaysOf(virtualService).map((key) => fetch.get(inputs.routing.istioGateways, key));
  const known = gateways.filter((gateway) => gateway !== undefined);
  if (known.length < gateways.length || !known.some((gateway) => serves(gateway, virtualService))) return [];
  const { hosts = [] } = virtualService.spec;
  return hosts.flatMap((host, index) => {
    const alone = { ...virtualService, spec: { ...virtualService.spec, hosts: [host] } };
    if (!isHostname(host) && host !== "*") return [];
    if (known.some((gateway) => serves(gateway, alone))) return [];
    const message = `no server of ${known.map((gateway) => `Gateway ${keyOfGateway(gateway)}`).join(", ")} has the host ${host}; add it there, or remove it here`;
    return [warning(`spec.hosts[${index}]`, message)];
  });
}

function serves(gateway: IstioGateway, virtualService: VirtualService): boolean {
  return (gateway.spec.servers ?? []).some(
    (server) => hostsOnServer(virtualService, { gateway, server }).length > 0,
  );
}

/** Of those that share a host on the gateway the oldest is tried first. */
function checkRivals(
  virtualService: VirtualService,
  key: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const older = fetch
    .by(inputs.routing.virtualServicesByGateway, key)
    .filter((other) => byAge(other, virtualService) < 0)
    .sort(byAge);
  const { hosts = [] } = virtualService.spec;
  const found = hosts.flatMap((host) => {
    const rivals = older.filter(({ spec }) => spec.hosts?.includes(host) === true);
    return besideOlder(virtualService, rivals, host, key, field);
  });
  const lost = found.filter(({ reason }) => reason !== undefined).length;
  // One host that is left is an effect on the gateway.
  return lost === hosts.length ? found : found.map(({ message }) => warning(field, message));
}
