// What a sidecar's inbound listener needs to know of its pod, and what is enforced there.
import { hasLabels } from "#model/object.ts";
import { present } from "#model/present.ts";
import type { MeshService } from "#model/service.ts";
import type { Bind, IngressPort, SidecarScope } from "#model/sidecar.ts";
import type { Workload } from "#model/workload.ts";
import type { InboundPortView, InboundView, PortLimits } from "../listener-views.ts";
import { serviceLabel } from "../services/services.ts";
import type { ServedPort } from "./limits.ts";

/** What others say of a pod. */
interface Said {
  readonly sidecar: SidecarScope | undefined;
  readonly limitsOf: (served: readonly ServedPort[]) => PortLimits;
}

/**
 * The ports that the pod's containers or its services name, or those of its Sidecar alone; undefined for a pod without
 * a sidecar.
 */
export function inboundView(
  workload: Workload,
  servicesOfNamespace: readonly MeshService[],
  { sidecar, limitsOf }: Said,
): InboundView | undefined {
  if (workload.proxy !== "sidecar") return undefined;
  const ports = new Map<number, readonly ServedPort[]>(workload.ports.map(({ port }) => [port, []]));
  for (const service of servicesOfNamespace) {
    if (!selects(service, workload)) continue;
    for (const servicePort of service.ports) {
      const port = portNumber(servicePort.targetPort, workload);
      if (port === undefined) continue;
      ports.set(port, [...(ports.get(port) ?? []), { service, port: servicePort }]);
    }
  }
  const listened =
    sidecar?.ingress
      ?.filter(({ address = workload.address }) => address === workload.address)
      .map((ingress) => ingressView(ingress, ports.get(ingress.port) ?? [], limitsOf, workload)) ??
    [...ports].map(([port, served]) => portView(port, served, limitsOf));
  const pool = sidecar?.connectionPool === undefined ? {} : { connectionPool: sidecar.connectionPool };
  return {
    ports: listened.map((port) => ({ ...pool, ...port })).sort((a, b) => a.port - b.port),
    draining: workload.terminating,
  };
}

function portView(port: number, served: readonly ServedPort[], limitsOf: Said["limitsOf"]): InboundPortView {
  // Where several services share a port, the first by name names it, and what they contradict each other in is open.
  const [first] = served;
  const protocols = new Set(served.map((each) => each.port.protocol));
  return {
    port,
    protocol: first !== undefined && protocols.size === 1 ? first.port.protocol : "detect",
    service: first === undefined ? undefined : serviceLabel(first.service),
    limits: limitsOf(served),
  };
}

function ingressView(
  { port, protocol, endpoint, connectionPool, bind, tls }: IngressPort,
  served: readonly ServedPort[],
  limitsOf: Said["limitsOf"],
  { address }: Workload,
): InboundPortView {
  const asDialled = endpoint.kind === "pod" && (endpoint.port ?? port) === port;
  return {
    ...portView(port, served, limitsOf),
    protocol,
    ...(asDialled ? {} : { endpoint }),
    ...present({ connectionPool, bind, tls }),
    ...(bind === undefined || isReachedAt(bind, address) ? {} : { uncaptured: true }),
  };
}

/** Whether connections to a pod's address are for a listener, so that those which are captured are, too. */
function isReachedAt(bind: Bind, address: string): boolean {
  return bind.kind === "address" && (bind.address === "0.0.0.0" || bind.address === address);
}

function selects(service: MeshService, workload: Workload): boolean {
  return Object.keys(service.selector).length > 0 && hasLabels(workload.labels, service.selector);
}

function portNumber(targetPort: number | string, workload: Workload): number | undefined {
  return typeof targetPort === "number"
    ? targetPort
    : workload.ports.find((port) => port.name === targetPort)?.port;
}
