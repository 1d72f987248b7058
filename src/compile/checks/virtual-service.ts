import type { Fetch } from "#collections/graph.ts";
import type {
  IstioDestination,
  IstioHttpMatch,
  IstioHttpRoute,
  VirtualService,
} from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { byAge } from "../by-age.ts";
import { listed } from "../listed.ts";
import { serviceKeyOfHost } from "../services.ts";
import { checkServicePort } from "./backend.ts";
import { checkExpression } from "./expression.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

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
      ...checkRoute(
        http,
        virtualService.metadata.namespace ?? "default",
        `spec.http[${index}].route`,
        inputs,
        fetch,
      ),
    ]),
  ];
}

function checkHost(
  virtualService: VirtualService,
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const key = serviceKeyOfHost(host, virtualService.metadata.namespace ?? "default");
  if (key === undefined) {
    return [
      warning(
        field,
        `${host} names no Service; wildcards and hosts outside the mesh are not supported yet`,
        "UnsupportedValue",
      ),
    ];
  }
  if (fetch.get(inputs.objects.services, key) === undefined) {
    return [
      error(
        field,
        `${host} means Service ${key}, which does not exist; define it or correct the host`,
        "NoMatchingParent",
      ),
    ];
  }
  const own = objectKey(virtualService.metadata);
  const attached = [
    ...fetch.by(inputs.routing.grpcRoutesByService, key),
    ...fetch.by(inputs.routing.httpRoutesByService, key),
  ].find((route) => route.metadata.namespace === key.slice(0, key.indexOf("/")));
  if (attached !== undefined) {
    const message = `has no effect on ${host}: ${attached.kind} ${objectKey(attached.metadata)} is attached to it and goes first`;
    return [warning(field, message, "Conflicted")];
  }
  const oldest = [...fetch.by(inputs.routing.virtualServicesByService, key)].sort(byAge)[0];
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

function checkRoute(
  http: IstioHttpRoute,
  namespace: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const routes = http.route ?? [];
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
  const key = serviceKeyOfHost(destination.host, namespace);
  if (key === undefined)
    return [error(`${field}.host`, `${destination.host} names no Service of the mesh`, "BackendNotFound")];
  const service = fetch.get(inputs.objects.services, key);
  const port = { number: destination.port?.number, field: `${field}.port.number` };
  const { subset } = destination;
  const found = checkServicePort(service, key, `${field}.host`, port);
  if (service === undefined || subset === undefined) return found;
  const rule = [...fetch.by(inputs.routing.destinationRulesByService, key)].sort(byAge)[0];
  const subsets = (rule?.spec.subsets ?? []).map(({ name }) => name);
  if (subsets.includes(subset)) return found;
  const message =
    rule === undefined
      ? `there is no DestinationRule for ${key} that defines subset ${subset}; write one`
      : `DestinationRule ${objectKey(rule.metadata)} has no subset ${subset}; its subsets are ${listed(subsets)}`;
  return [...found, error(`${field}.subset`, message, "BackendNotFound")];
}
