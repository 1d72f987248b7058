import type { Fetch } from "#collections/graph.ts";
import { isIpv4Range } from "#model/address-ranges.ts";
import { coversHost } from "#model/host-pattern.ts";
import type {
  IstioRouteDestination,
  IstioTcpMatch,
  IstioTlsMatch,
  VirtualService,
} from "#model/istio/virtual-service.ts";
import { weightFaults } from "#model/istio/weights.ts";
import type { MeshService } from "#model/service.ts";
import { type CheckFinding, error, errorsAt, warning } from "../finding.ts";
import { serviceOfHost } from "../services/services.ts";
import { checkNamesOnPort, checkShares } from "./connection-destinations.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkDestination } from "./istio-destination.ts";
import { checkOnGateways } from "./virtual-service-gateway-connections.ts";

/** `tcp` and `tls` of a VirtualService. */
export function checkConnectionRules(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { tls = [], tcp = [] } = virtualService.spec;
  const { namespace = "default" } = virtualService.metadata;
  const checkRoute = (route: readonly IstioRouteDestination[], rule: string, field = `${rule}.route`) => [
    ...route.flatMap(({ destination }, index) =>
      checkDestination(destination, namespace, `${field}[${index}].destination`, inputs, fetch),
    ),
    ...errorsAt(rule, weightFaults(route)),
    ...checkShares(
      route.flatMap(({ destination, weight }, index) => {
        const service = serviceOfHost(inputs.routing, fetch, destination.host, namespace);
        return service === undefined || weight === 0
          ? []
          : [
              {
                field: `${field}[${index}].destination`,
                service,
                subset: destination.subset ?? "",
                port: destination.port?.number ?? service.ports[0]?.port ?? 0,
              },
            ];
      }),
      namespace,
      inputs,
      fetch,
    ),
  ];
  const services = (virtualService.spec.hosts ?? []).flatMap(
    (host) => serviceOfHost(inputs.routing, fetch, host, namespace) ?? [],
  );
  return [
    ...checkOnGateways(virtualService, inputs, fetch),
    ...[...tls.entries()].flatMap(([index, { match, route = [] }]) => [
      ...match.flatMap((each, at) => checkPort(each, services, `spec.tls[${index}].match[${at}].port`)),
      ...match.flatMap((each, at) =>
        checkServerNames(virtualService, each, `spec.tls[${index}].match[${at}]`),
      ),
      ...checkRoute(route, `spec.tls[${index}]`),
    ]),
    ...[...tcp.entries()].flatMap(([index, { match = [], route = [] }]) => [
      ...match.flatMap((each, at) => checkSubnets(each, `spec.tcp[${index}].match[${at}]`)),
      ...checkRoute(route, `spec.tcp[${index}]`),
      ...(match.length === 0 && index < tcp.length - 1
        ? [warning(`spec.tcp[${index + 1}]`, `is never reached: spec.tcp[${index}] takes every connection`)]
        : []),
    ]),
  ];
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#TLSMatchAttributes */
function checkServerNames(
  { spec }: VirtualService,
  match: IstioTlsMatch,
  field: string,
): readonly CheckFinding[] {
  const hosts = spec.hosts ?? [];
  const isOfHosts = (name: string) => hosts.some((host) => coversHost(host, name));
  return [
    ...checkSubnets(match, field),
    ...match.sniHosts.flatMap((name, index) =>
      isOfHosts(name)
        ? []
        : [
            error(
              `${field}.sniHosts[${index}]`,
              `${name} is none of spec.hosts; add it there`,
              "UnsupportedValue",
            ),
          ],
    ),
  ];
}

function checkPort(
  { port }: IstioTlsMatch,
  services: readonly MeshService[],
  field: string,
): readonly CheckFinding[] {
  return port === undefined ? [] : services.flatMap((service) => checkNamesOnPort(service, port, field));
}

function checkSubnets(
  { destinationSubnets = [] }: IstioTcpMatch | IstioTlsMatch,
  field: string,
): readonly CheckFinding[] {
  return destinationSubnets.flatMap((range, index) =>
    isIpv4Range(range)
      ? []
      : [
          error(
            `${field}.destinationSubnets[${index}]`,
            `${range} is no IPv4 address or range of them, such as 10.0.0.0/8`,
            "UnsupportedValue",
          ),
        ],
  );
}
