// The ports that requests and connections come to, which are those of destinations that name none.
import type { Fetch } from "#collections/graph.ts";
import { gatewaysOf, meshGateway } from "#model/istio/gateway-names.ts";
import type { IstioRouteDestination, VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { serviceOfHost } from "../services/services.ts";
import type { CheckInputs } from "./inputs.ts";

type Matches = readonly { readonly port?: number }[];

/** Destinations with several ports of which none is meant, and ports that no request comes to. */
export function checkMeantPorts(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const all = portsOfPlaces(virtualService, inputs, fetch);
  if (all === undefined) return [];
  const { namespace = "default" } = virtualService.metadata;
  const checkRoute = (
    {
      match = [],
      route = [],
    }: { readonly match?: Matches; readonly route?: readonly IstioRouteDestination[] },
    field: string,
  ) =>
    route.flatMap(({ destination }, index) => {
      const service = serviceOfHost(inputs.routing, fetch, destination.host, namespace);
      const isSaid = service === undefined || destination.port?.number !== undefined;
      return isSaid
        ? []
        : checkMeant(service, dialledPorts(match, all), `${field}.route[${index}].destination`);
    });
  const { http = [], tcp = [] } = virtualService.spec;
  return [
    ...http.flatMap((rule, index) => [
      ...checkDialled(rule.match ?? [], all, `spec.http[${index}]`),
      ...checkRoute(rule, `spec.http[${index}]`),
    ]),
    ...tcp.flatMap((rule, index) => checkRoute(rule, `spec.tcp[${index}]`)),
  ];
}

function dialledPorts(match: Matches, all: readonly number[]): readonly number[] {
  const matched = match.flatMap(({ port }) => port ?? []);
  return matched.length > 0 && matched.length === match.length ? matched : all;
}

function checkDialled(match: Matches, all: readonly number[], field: string): readonly CheckFinding[] {
  return match.flatMap(({ port = 0 }, index) =>
    port === 0 || all.includes(port)
      ? []
      : [warning(`${field}.match[${index}].port`, `nothing comes to port ${port}, but to ${listed(all)}`)],
  );
}

function checkMeant(
  service: MeshService,
  dialled: readonly number[],
  field: string,
): readonly CheckFinding[] {
  const ports = service.ports.map(({ port }) => port);
  if (ports.length < 2 || ports.some((port) => dialled.includes(port))) return [];
  const message = `${service.kind} ${objectKey(service)} has no port ${listed(dialled)}; say by port.number which of its ports is meant: ${listed(ports)}`;
  return [error(field, message, "BackendNotFound")];
}

/** The ports that requests come to where a VirtualService is for them; undefined where that is not known. */
function portsOfPlaces(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly number[] | undefined {
  const { namespace = "default" } = virtualService.metadata;
  const hosts = virtualService.spec.hosts ?? [];
  const ports = gatewaysOf(virtualService).flatMap((key): readonly (number | undefined)[] => {
    if (key !== meshGateway) {
      const gateway = fetch.get(inputs.routing.istioGateways, key);
      return gateway?.spec.servers?.map(({ port }) => port.number) ?? [undefined];
    }
    return hosts.flatMap(
      (host) =>
        serviceOfHost(inputs.routing, fetch, host, namespace)?.ports.map(({ port }) => port) ?? [undefined],
    );
  });
  const known = ports.filter((port) => port !== undefined);
  return known.length < ports.length || known.length === 0 ? undefined : [...new Set(known)];
}
