import type { Gateway } from "#model/gateway-api/gateway.ts";
import { type CheckFinding, warning } from "../finding.ts";
import { type Listener, listenerFault, routeKindsOf } from "../routing/listeners.ts";
import { listed } from "../services/listed.ts";

/** Listeners of a Gateway that exclude each other, that are not supported, or that say what has no effect on them. */
export function checkGateway(gateway: Gateway): readonly CheckFinding[] {
  return gateway.spec.listeners.flatMap((listener, index) => {
    const field = `spec.listeners[${index}]`;
    const fault = listenerFault(gateway, listener);
    return fault === undefined
      ? checkListener(listener, field)
      : [{ ...fault, field: `${field}.${fault.field}` }];
  });
}

function checkListener(listener: Listener, field: string): readonly CheckFinding[] {
  const { allowedRoutes, hostname = "", protocol } = listener;
  const kinds = routeKindsOf(listener);
  return [
    ...(protocol === "TCP" && hostname !== ""
      ? [warning(`${field}.hostname`, "has no effect on a listener of TCP: connections say no name")]
      : []),
    ...(allowedRoutes?.kinds ?? []).flatMap(({ kind }, index) =>
      kinds.includes(kind)
        ? []
        : [
            warning(
              `${field}.allowedRoutes.kinds[${index}].kind`,
              `a listener of ${protocol} has no ${kind}; its kinds are ${listed(kinds)}`,
              "InvalidRouteKinds",
            ),
          ],
    ),
  ];
}
