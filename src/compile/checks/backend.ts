import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { type CheckFinding, error } from "../finding.ts";
import { listed } from "../services/listed.ts";

/** Checks that a service has the port that is written in `field`, if one is. */
export function checkServicePort(
  service: MeshService,
  port: number | undefined,
  field: string,
): readonly CheckFinding[] {
  const ports = service.ports.map((candidate) => candidate.port);
  if (port === undefined || ports.includes(port)) return [];
  const message = `${service.kind} ${objectKey(service)} has no port ${port}; its ports are ${listed(ports)}`;
  return [error(field, message, "BackendNotFound")];
}
