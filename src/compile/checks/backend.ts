import type { Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import { listed } from "../listed.ts";
import { type CheckFinding, error } from "./finding.ts";

/** Checks that a Service named by `field` is there and has the port named by `portField`. */
export function checkServicePort(
  service: Service | undefined,
  key: string,
  field: string,
  port: { readonly number: number | undefined; readonly field: string },
): readonly CheckFinding[] {
  if (service === undefined)
    return [error(field, `there is no Service ${key}; define it or correct the name`, "BackendNotFound")];
  const ports = (service.spec.ports ?? []).map((candidate) => candidate.port);
  if (port.number === undefined || ports.includes(port.number)) return [];
  const message = `Service ${objectKey(service.metadata)} has no port ${port.number}; its ports are ${listed(ports)}`;
  return [error(port.field, message, "BackendNotFound")];
}
