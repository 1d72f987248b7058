// The ports of destinations that name none: they are those that requests and connections come to.
import type { Fetch } from "#collections/graph.ts";
import { gatewaysOf, meshGateway } from "#model/istio/gateway-names.ts";
import type { IstioDestination, VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { listed } from "../listed.ts";
import { serviceOfHost } from "../services.ts";
import { type CheckFinding, error } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

interface Rule {
  readonly match?: readonly { readonly port?: number }[];
  readonly route?: readonly { readonly destination: IstioDestination }[];
}

/** Destinations with several ports of which none is meant. */
export function checkMeantPorts(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const all = portsOfPlaces(virtualService, inputs, fetch);
  if (all === undefined) return [];
  const { namespace = "default" } = virtualService.metadata;
  const checkRule = ({ match = [], route = [] }: Rule, field: string): readonly CheckFinding[] => {
    const matched = match.flatMap(({ port }) => port ?? []);
    const dialled = matched.length > 0 && matched.length === match.length ? matched : all;
    return route.flatMap(({ destination }, index) => {
      const service = serviceOfHost(inputs.routing, fetch, destination.host, namespace);
      const ports = service?.ports.map(({ port }) => port) ?? [];
      const isMeant = destination.port?.number !== undefined || ports.some((port) => dialled.includes(port));
      if (service === undefined || ports.length < 2 || isMeant) return [];
      const message = `${service.kind} ${objectKey(service)} has no port ${listed(dialled)}; say by port.number which of its ports is meant: ${listed(ports)}`;
      return [error(`${field}.route[${index}].destination`, message, "BackendNotFound")];
    });
  };
  return (["http", "tcp"] as const).flatMap((kind) =>
    (virtualService.spec[kind] ?? []).flatMap((rule, index) => checkRule(rule, `spec.${kind}[${index}]`)),
  );
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
