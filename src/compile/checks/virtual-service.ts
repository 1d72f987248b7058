import type { Fetch } from "#collections/graph.ts";
import type {
  IstioDestination,
  IstioHttpMatch,
  IstioRouteDestination,
  VirtualService,
} from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { attachedRoutes, audienceOf } from "../attachments.ts";
import { byAge } from "../by-age.ts";
import { listed } from "../listed.ts";
import { destinationRuleOf } from "../policies.ts";
import { serviceOfHost } from "../services.ts";
import { checkServicePort } from "./backend.ts";
import { checkExpression } from "./expression.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import { unknownHost } from "./host.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkConnectionRules } from "./virtual-service-connections.ts";

/** Hosts and destinations of a VirtualService. */
export function checkVirtualService(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const hosts = virtualService.spec.hosts ?? [];
  return [
    ...(hosts.length === 0
      ? [error("spec.hosts", "hosts is missing; name the services that it is for", "UnsupportedValue")]
      : []),
    ...hosts.flatMap((host, index) => checkHost(virtualService, host, `spec.hosts[${index}]`, inputs, fetch)),
    ...(virtualService.spec.http ?? []).flatMap((http, index) => [
      ...(http.match ?? []).flatMap((match, at) => checkMatch(match, `spec.http[${index}].match[${at}]`)),
      ...checkDestinations(
        http.route ?? [],
        virtualService.metadata.namespace ?? "default",
        `spec.http[${index}].route`,
        inputs,
        fetch,
      ),
    ]),
    ...checkConnectionRules(virtualService, inputs, fetch),
  ];
}

function checkHost(
  virtualService: VirtualService,
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { namespace = "default" } = virtualService.metadata;
  const service = serviceOfHost(inputs.routing, fetch, host, namespace);
  if (service === undefined) return [unknownHost(field, host, namespace)];
  const own = objectKey(virtualService.metadata);
  const attached = attachedRoutes(inputs.routing, fetch, service).find(
    (route) => audienceOf(route, service) === "",
  );
  if (attached !== undefined) {
    const message = `has no effect on ${host}: ${attached.kind} ${objectKey(attached.metadata)} is attached to it and goes first`;
    return [warning(field, message, "Conflicted")];
  }
  const oldest = [...fetch.by(inputs.routing.virtualServicesByHost, service.hostname)].sort(byAge)[0];
  if (oldest === undefined || objectKey(oldest.metadata) === own) return [];
  return [
    warning(
      field,
      `has no effect on ${host}: VirtualService ${objectKey(oldest.metadata)} is for it already`,
      "Conflicted",
    ),
  ];
}

function checkMatch({ uri, method, headers }: IstioHttpMatch, field: string): readonly CheckFinding[] {
  const expressions = [
    { match: uri, at: `${field}.uri.regex` },
    { match: method, at: `${field}.method.regex` },
    ...Object.entries(headers ?? {}).map(([name, match]) => ({
      match,
      at: `${field}.headers.${name}.regex`,
    })),
  ];
  return expressions.flatMap(({ match, at }) =>
    match?.regex === undefined ? [] : checkExpression(match.regex, at),
  );
}

/** Whether the destinations of a rule are there and have weights. */
export function checkDestinations(
  routes: readonly IstioRouteDestination[],
  namespace: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return [
    ...routes.flatMap(({ destination }, index) =>
      checkDestination(destination, namespace, `${field}[${index}].destination`, inputs, fetch),
    ),
    ...(routes.length > 1 && routes.every(({ weight }) => (weight ?? 0) === 0)
      ? [error(field, "the weights add up to 0; give the destinations weights")]
      : []),
  ];
}

function checkDestination(
  destination: IstioDestination,
  namespace: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const service = serviceOfHost(inputs.routing, fetch, destination.host, namespace);
  if (service === undefined)
    return [{ ...unknownHost(`${field}.host`, destination.host, namespace), reason: "BackendNotFound" }];
  const found = checkServicePort(service, destination.port?.number, `${field}.port.number`);
  const { subset } = destination;
  if (subset === undefined) return found;
  const rule = destinationRuleOf(inputs.routing, fetch, service.hostname);
  const subsets = (rule?.spec.subsets ?? []).map(({ name }) => name);
  if (subsets.includes(subset)) return found;
  const message =
    rule === undefined
      ? `there is no DestinationRule for ${service.hostname} that defines subset ${subset}; write one`
      : `DestinationRule ${objectKey(rule.metadata)} has no subset ${subset}; its subsets are ${listed(subsets)}`;
  return [...found, error(`${field}.subset`, message, "BackendNotFound")];
}
