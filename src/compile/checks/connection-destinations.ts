// What is said of destinations of connections, beside whether they are there.
import type { Fetch } from "#collections/graph.ts";
import { policyOf } from "#model/policy.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { destinationPolicyOf } from "../clusters/policies.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { listed } from "../services/listed.ts";
import { objectOfService, serverFirstPorts } from "../services/services.ts";
import type { CheckInputs } from "./inputs.ts";

/** A destination that was found, and the field that names it. */
export interface NamedDestination {
  readonly field: string;
  readonly service: MeshService;
  /** Empty: the whole service. */
  readonly subset: string;
  readonly port: number;
}

/** Several destinations of connections, as named in an object of `namespace`, are one cluster: what they cannot share. */
export function checkShares(
  destinations: readonly NamedDestination[],
  namespace: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const [first] = destinations;
  if (first === undefined || destinations.length < 2) return [];
  return destinations.flatMap(({ field, service, subset, port }, index) => {
    const name = objectOfService(service);
    const refused =
      "so it cannot share connections with others and its share is refused; make it the only destination";
    if (service.resolution.kind !== "listed") {
      return [error(field, `${name} is not known by its addresses, ${refused}`, "UnsupportedValue")];
    }
    const destination = destinationPolicyOf(inputs.routing, fetch, { namespace, labels: {} }, service);
    const policy = policyOf(destination, subset, port);
    if (destination === undefined || Object.keys(policy).length === 0) return [];
    const rules = listed(destination.origins.map((origin) => `DestinationRule ${objectKey(origin)}`));
    const { tls, proxyProtocol, tunnel } = policy;
    if (tls?.kind === "origination" || proxyProtocol !== undefined || tunnel !== undefined) {
      const message = `${rules} has ${name} reached in a way of its own, ${refused}`;
      return [error(field, message, "UnsupportedValue")];
    }
    const isNamedBefore = destinations
      .slice(0, index)
      .some((other) => other.service.hostname === service.hostname);
    if (service.hostname === first.service.hostname || isNamedBefore) return [];
    const message = `the trafficPolicy of ${rules} has no effect here: connections that are shared out have that of the first destination`;
    return [warning(field, message)];
  });
}

/** A gateway is dialled itself, so that nothing says where connections go to a host that is found by what is dialled. */
export function checkThroughGateway(
  destinations: readonly Pick<NamedDestination, "field" | "service">[],
): readonly CheckFinding[] {
  return destinations.flatMap(({ field, service: { hostname, resolution } }) => {
    if (resolution.kind !== "asDialled" && resolution.kind !== "dnsOfRequest") return [];
    const message = `${hostname} is found by what clients dial, which for a gateway is the gateway; give its ServiceEntry the resolution DNS or STATIC`;
    return [error(field, message, "UnsupportedValue")];
  });
}

/** A port on which nobody looks for the name that TLS asks for. */
export function checkNamesOnPort(service: MeshService, port: number, field: string): readonly CheckFinding[] {
  const found = service.ports.find((each) => each.port === port);
  const isTcp =
    found?.protocol === "tcp" || (found?.protocol === "detect" && serverFirstPorts.includes(port));
  if (!isTcp) return [];
  const message = `has no effect on port ${port} of ${objectOfService(service)}: on a TCP port nobody looks for names; declare it with appProtocol: tls`;
  return [warning(field, message, "UnsupportedValue")];
}
