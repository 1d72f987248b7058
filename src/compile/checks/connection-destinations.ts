// What is said of destinations of connections, beside whether they are there.
import type { Fetch } from "#collections/graph.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { destinationRuleOf } from "../policies.ts";
import { objectOfService, serverFirstPorts } from "../services.ts";
import { type CheckFinding, error, warning } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";

/** A destination that was found, and the field that names it. */
export interface NamedDestination {
  readonly field: string;
  readonly service: MeshService;
}

/** Several destinations of connections are one cluster: what they cannot have in common. */
export function checkShares(
  destinations: readonly NamedDestination[],
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const [first] = destinations;
  if (first === undefined || destinations.length < 2) return [];
  const hosts = destinations.filter(
    ({ service }, index) =>
      service.hostname !== first.service.hostname &&
      destinations.findIndex((other) => other.service.hostname === service.hostname) === index,
  );
  return [
    ...destinations.flatMap(({ field, service }) =>
      service.resolution.kind === "listed"
        ? []
        : [
            error(
              field,
              `${objectOfService(service)} is not known by its addresses, so it cannot share connections with others and its share is refused; make it the only destination`,
              "UnsupportedValue",
            ),
          ],
    ),
    ...hosts.flatMap(({ field, service }) => {
      const rule = destinationRuleOf(inputs.routing, fetch, service.hostname);
      if (rule?.spec.trafficPolicy === undefined) return [];
      const message = `the trafficPolicy of DestinationRule ${objectKey(rule.metadata)} has no effect here: connections that are shared out have that of the first destination`;
      return [warning(field, message)];
    }),
  ];
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
