import type { Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, listed, unresolved } from "./finding.ts";

/** Checks that a Service named by `field` is there and has the port named by `portField`. */
export function checkServicePort(
  service: Service | undefined,
  key: string,
  field: string,
  port: { readonly number: number | undefined; readonly field: string },
): readonly CheckFinding[] {
  if (service === undefined)
    return [unresolved(field, `there is no Service ${key}; define it or correct the name`)];
  const ports = (service.spec.ports ?? []).map((candidate) => candidate.port);
  if (port.number === undefined || ports.includes(port.number)) return [];
  const message = `Service ${objectKey(service.metadata)} has no port ${port.number}; its ports are ${listed(ports, "none")}`;
  return [unresolved(port.field, message)];
}
