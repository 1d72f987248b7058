import type { Fetch } from "#collections/graph.ts";
import type { IstioDestination } from "#model/istio/virtual-service.ts";
import type { Subset } from "#model/policy.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { hostPoliciesFor, trafficPolicyOf } from "../clusters/policies.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { serviceOfHost } from "../services/services.ts";
import { checkServicePort } from "./backend.ts";
import { unknownHost } from "./host.ts";
import { type CheckInputs, selected } from "./inputs.ts";

/** Host, port and subset of a destination that an object of `namespace` names. */
export function checkDestination(
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
  const policies = hostPoliciesFor(inputs.routing, fetch, { namespace, labels: {} }, service);
  const defined = policies.flatMap((policy) => policy.subsets);
  const chosen = defined.find(({ name }) => name === subset);
  if (chosen !== undefined)
    return [...found, ...checkSubset(chosen, service, `${field}.subset`, inputs, fetch)];
  const subsets = [...new Set(defined.map(({ name }) => name))];
  const message =
    policies[0] === undefined
      ? `there is no DestinationRule for ${service.hostname} that defines subset ${subset}; write one`
      : `DestinationRule ${objectKey(policies[0].metadata)} has no subset ${subset}; its subsets are ${listed(subsets)}`;
  return [...found, error(`${field}.subset`, message, "BackendNotFound")];
}

/** A destination of requests: only connections go through tunnels. */
export function checkTunnel(
  { host, subset = "", port }: IstioDestination,
  namespace: string,
  field: string,
  { routing }: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const service = serviceOfHost(routing, fetch, host, namespace);
  if (service === undefined) return [];
  const number = port?.number ?? service.ports[0]?.port ?? 0;
  const asked = { subset, port: number };
  const { tunnel } = trafficPolicyOf(routing, fetch, { namespace, labels: {} }, service, asked);
  if (tunnel === undefined) return [];
  const message = `requests go to ${host} itself: its tunnel is for connections; route them by tcp or tls, on a port of that protocol`;
  return [warning(subset === "" ? `${field}.host` : `${field}.subset`, message)];
}

/** A rule may define subsets for later; one that a route sends to should have somebody in it. */
function checkSubset(
  { name, labels }: Subset,
  service: MeshService,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (Object.keys(service.selector).length === 0) return [];
  if (selected(inputs, fetch, service.namespace, { ...service.selector, ...labels }).length > 0) return [];
  const message = `no workload behind ${service.kind} ${objectKey(service)} has the labels of subset ${name}, so it is empty`;
  return [warning(field, message)];
}
