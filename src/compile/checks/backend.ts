import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { missingPort } from "../missing-port.ts";
import { type CheckFinding, error } from "./finding.ts";

/** Checks that a service has the port that is written in `field`, if one is. */
export function checkServicePort(
  service: MeshService,
  port: number | undefined,
  field: string,
): readonly CheckFinding[] {
  const ports = service.ports.map((candidate) => candidate.port);
  if (ports.length > 0 && (port === undefined || ports.includes(port))) return [];
  const message = missingPort(`${service.kind} ${objectKey(service)}`, port, ports);
  return [error(field, message, "BackendNotFound")];
}
