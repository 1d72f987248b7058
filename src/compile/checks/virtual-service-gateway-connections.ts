// What `tcp` and `tls` of a VirtualService cannot do on the gateways that it names.
import type { Fetch } from "#collections/graph.ts";
import type { IstioGateway, IstioServer } from "#model/istio/gateway.ts";
import { gatewayKey, gatewaysOf, isForMesh, meshGateway } from "#model/istio/gateway-names.ts";
import { isForConnections, isServed } from "#model/istio/gateway-servers.ts";
import type { IstioTcpMatch, IstioTlsMatch, VirtualService } from "#model/istio/virtual-service.ts";
import { type CheckFinding, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { serviceOfHost } from "../services/services.ts";
import { checkThroughGateway } from "./connection-destinations.ts";
import type { CheckInputs } from "./inputs.ts";

type Match = IstioTcpMatch | IstioTlsMatch;

/** Findings on rules that are for gateways. */
export function checkOnGateways(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const keys = gatewaysOf(virtualService).filter((key) => key !== meshGateway);
  if (keys.length === 0) return [];
  const gateways = keys.flatMap((key) => fetch.get(inputs.routing.istioGateways, key) ?? []);
  const { tls = [], tcp = [] } = virtualService.spec;
  return [
    ...tls.flatMap(({ match }, index) =>
      match.flatMap((each, at) =>
        isOnGateway(virtualService, each)
          ? [warning(`spec.tls[${index}].match[${at}]`, noNames, "UnsupportedValue")]
          : [],
      ),
    ),
    ...tcp.flatMap(({ match = [] }, index) => {
      const field = `spec.tcp[${index}]`;
      const matches = match.map((each, at) => ({ each, place: `${field}.match[${at}]` }));
      return (match.length === 0 ? [{ each: {}, place: field }] : matches)
        .filter(({ each }) => isOnGateway(virtualService, each))
        .flatMap(({ each, place }) => checkMatch(virtualService, each, gateways, place));
    }),
    ...tcp.flatMap(({ match = [], route = [] }, index) =>
      match.length === 0 || match.some((each) => isOnGateway(virtualService, each))
        ? route.flatMap(({ destination: { host } }, at) =>
            checkAddresses(virtualService, host, `spec.tcp[${index}].route[${at}]`, inputs, fetch),
          )
        : [],
    ),
  ];
}

const noNames =
  "has no effect on gateways yet: they look for no names; use tcp, or name mesh in gateways where it is for the mesh alone";

/** Whether a match is for some gateway, and not for the mesh as well. */
function isOnGateway(virtualService: VirtualService, { gateways = [] }: Match): boolean {
  return gateways.length === 0 ? !isForMesh(virtualService) : !gateways.includes(meshGateway);
}

function checkMatch(
  { metadata }: VirtualService,
  { port = 0, gateways: names = [], destinationSubnets = [] }: IstioTcpMatch,
  all: readonly IstioGateway[],
  field: string,
): readonly CheckFinding[] {
  const keys = names.map((name) => gatewayKey(name, metadata.namespace ?? "default"));
  const gateways = all.filter(({ metadata: { namespace = "default", name } }) =>
    keys.length === 0 ? true : keys.includes(`${namespace}/${name}`),
  );
  const ports = gateways.flatMap(({ spec }) => (spec.servers ?? []).filter(passesOn).map(numberOf));
  return [
    ...(destinationSubnets.length > 0
      ? [
          warning(
            `${field}.destinationSubnets`,
            "is for the mesh alone: what clients of a gateway dial is the gateway, so that this takes no connection there",
          ),
        ]
      : []),
    ...(gateways.length > 0 && !ports.some((each) => port === 0 || port === each)
      ? [warning(field, noServer(port, ports))]
      : []),
  ];
}

function noServer(port: number, ports: readonly number[]): string {
  const there = ports.length === 0 ? "" : `; there are ${listed(ports)}`;
  return `takes no connection on gateways: none that is meant has a server of TCP${port === 0 ? "" : ` on port ${port}`}${there}`;
}

function passesOn(server: IstioServer): boolean {
  return isServed(server) && isForConnections(server);
}

function numberOf({ port }: IstioServer): number {
  return port.number;
}

function checkAddresses(
  { metadata }: VirtualService,
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const service = serviceOfHost(inputs.routing, fetch, host, metadata.namespace ?? "default");
  return service === undefined ? [] : checkThroughGateway([{ field: `${field}.destination.host`, service }]);
}
