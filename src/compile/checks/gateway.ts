import type { Gateway } from "#model/gateway-api/gateway.ts";
import { type CheckFinding, error } from "./finding.ts";

/** Listeners of a Gateway that exclude each other. */
export function checkGateway(gateway: Gateway): readonly CheckFinding[] {
  const { listeners } = gateway.spec;
  return listeners.flatMap((listener, index) => {
    const field = `spec.listeners[${index}]`;
    const earlier = listeners.slice(0, index);
    if (earlier.some(({ name }) => name === listener.name)) {
      return [error(`${field}.name`, `there is a listener ${listener.name} already; give it another name`)];
    }
    const same = earlier.find(
      ({ port, hostname }) => port === listener.port && (hostname ?? "") === (listener.hostname ?? ""),
    );
    if (same === undefined) return [];
    return [
      error(`${field}.port`, `listener ${same.name} has this port and hostname already; change one of them`),
    ];
  });
}
