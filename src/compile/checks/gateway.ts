import type { Gateway } from "#model/gateway-api/gateway.ts";
import { listenerFault } from "../listeners.ts";
import type { CheckFinding } from "./finding.ts";

/** Listeners of a Gateway that exclude each other, or that are not supported. */
export function checkGateway(gateway: Gateway): readonly CheckFinding[] {
  return gateway.spec.listeners.flatMap((listener, index) => {
    const fault = listenerFault(gateway, listener);
    return fault === undefined ? [] : [{ ...fault, field: `spec.listeners[${index}].${fault.field}` }];
  });
}
