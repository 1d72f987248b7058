// What a sidecar's inbound listener needs to know of its pod, and what is enforced there.
import type { Fetch } from "#collections/graph.ts";
import { hasLabels } from "#model/kubernetes/object.ts";
import type { MeshService } from "#model/service.ts";
import type { Workload } from "#model/workload.ts";
import { portLimits, type ServedPort } from "./limits.ts";
import type { RoutingInputs } from "./routing-inputs.ts";
import { serviceLabel } from "./services.ts";
import type { InboundPortView, InboundView } from "./views.ts";

/** The ports that the pod's containers or its services name; undefined for a pod without a sidecar. */
export function inboundView(
  workload: Workload,
  servicesOfNamespace: readonly MeshService[],
  routing: RoutingInputs,
  fetch: Fetch,
): InboundView | undefined {
  if (workload.proxy !== "sidecar") return undefined;
  const ports = new Map<number, ServedPort[]>(workload.ports.map(({ port }) => [port, []]));
  for (const service of servicesOfNamespace) {
    if (!selects(service, workload)) continue;
    for (const servicePort of service.ports) {
      const port = portNumber(servicePort.targetPort, workload);
      if (port === undefined) continue;
      ports.set(port, [...(ports.get(port) ?? []), { service, port: servicePort }]);
    }
  }
  return {
    ports: [...ports]
      .sort(([a], [b]) => a - b)
      .map(([port, served]) => ({ port, ...named(served), limits: portLimits(routing, fetch, served) })),
    draining: workload.terminating,
  };
}

/** Where several services share a port, the first by name names it. */
function named([first]: readonly ServedPort[]): Pick<InboundPortView, "protocol" | "service"> {
  return first === undefined
    ? { protocol: "detect", service: undefined }
    : { protocol: first.port.protocol, service: serviceLabel(first.service) };
}

function selects(service: MeshService, workload: Workload): boolean {
  return Object.keys(service.selector).length > 0 && hasLabels(workload.labels, service.selector);
}

function portNumber(targetPort: number | string, workload: Workload): number | undefined {
  return typeof targetPort === "number"
    ? targetPort
    : workload.ports.find((port) => port.name === targetPort)?.port;
}
