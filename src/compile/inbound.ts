// What a sidecar's inbound listener needs to know of its pod.
import { hasLabels } from "#model/kubernetes/object.ts";
import type { MeshService } from "#model/service.ts";
import type { IngressPort, SidecarScope } from "#model/sidecar.ts";
import type { Workload } from "#model/workload.ts";
import { serviceLabel } from "./services.ts";
import type { InboundPortView, InboundView } from "./views.ts";

/**
 * The ports that the pod's containers or its services name, or those of its Sidecar alone; undefined for a pod without
 * a sidecar.
 */
export function inboundView(
  workload: Workload,
  servicesOfNamespace: readonly MeshService[],
  sidecar: SidecarScope | undefined,
): InboundView | undefined {
  if (workload.proxy !== "sidecar") return undefined;
  const ports = new Map<number, InboundPortView>();
  for (const service of servicesOfNamespace) {
    if (!selects(service, workload)) continue;
    for (const { targetPort, protocol } of service.ports) {
      const port = portNumber(targetPort, workload);
      // Where several services share a port, the first by name names it.
      if (port !== undefined && !ports.has(port)) {
        ports.set(port, { port, protocol, service: serviceLabel(service) });
      }
    }
  }
  for (const { port } of workload.ports) {
    if (!ports.has(port)) ports.set(port, { port, protocol: "detect", service: undefined });
  }
  const listened = sidecar?.ingress?.map((ingress) => ingressView(ingress, ports.get(ingress.port)));
  const pool = sidecar?.connectionPool === undefined ? {} : { connectionPool: sidecar.connectionPool };
  return {
    ports: [...(listened ?? ports.values())]
      .map((port) => ({ ...pool, ...port }))
      .sort((a, b) => a.port - b.port),
    draining: workload.terminating,
  };
}

function ingressView(
  { port, protocol, endpoint, connectionPool }: IngressPort,
  known: InboundPortView | undefined,
): InboundPortView {
  const asDialled = endpoint.kind === "pod" && (endpoint.port ?? port) === port;
  return {
    port,
    protocol,
    service: known?.service,
    ...(asDialled ? {} : { endpoint }),
    ...(connectionPool === undefined ? {} : { connectionPool }),
  };
}

function selects(service: MeshService, workload: Workload): boolean {
  return Object.keys(service.selector).length > 0 && hasLabels(workload.labels, service.selector);
}

function portNumber(targetPort: number | string, workload: Workload): number | undefined {
  return typeof targetPort === "number"
    ? targetPort
    : workload.ports.find((port) => port.name === targetPort)?.port;
}
