// Services by the hosts and addresses that name them.
import { clusterDomain } from "#model/kubernetes/mesh-service.ts";
import type { MeshService, PortProtocol } from "#model/service.ts";
import type { ServiceLabel } from "./views.ts";

/**
 * The key (`namespace/name`) of the service that a host means, as written in an object of `namespace`:
 * `reviews`, `reviews.shop`, `reviews.shop.svc` or the full name. Undefined when the host names no service.
 */
export function serviceKeyOfHost(host: string, namespace: string): string | undefined {
  const [name, space, svc, ...domain] = host.split(".");
  if (name === undefined || name === "" || host.includes("*")) return undefined;
  if (space === undefined) return `${namespace}/${name}`;
  if (svc === undefined) return `${space}/${name}`;
  if (svc !== "svc" || (domain.length > 0 && domain.join(".") !== clusterDomain)) return undefined;
  return `${space}/${name}`;
}

/** The key of a port of a service in collections: `namespace/name:port`. */
export function servicePortKey(port: {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}): string {
  return `${port.namespace}/${port.name}:${port.port}`;
}

/**
 * Ports on which servers speak first, whatever is declared: waiting there for the client's first bytes
 * would stall every connection.
 */
export const serverFirstPorts: readonly number[] = [25, 3306, 5432, 5672, 6379, 9042, 11211, 27017];

/** Ports on which every connection is TCP: the well-known ones, and those that services declare TCP and none otherwise. */
export function tcpPortsOf(services: readonly MeshService[]): readonly number[] {
  return portsDeclared(services, ["tcp"], serverFirstPorts);
}

/** Ports on which every connection is HTTP: those that services declare so, and none otherwise. */
export function httpPortsOf(services: readonly MeshService[]): readonly number[] {
  return portsDeclared(services, ["http", "grpc"], []).filter((port) => !serverFirstPorts.includes(port));
}

/** In order: the ports that are declared to have one of the protocols, and no other. */
function portsDeclared(
  services: readonly MeshService[],
  protocols: readonly PortProtocol[],
  known: readonly number[],
): readonly number[] {
  const declared = new Set<number>(known);
  const other = new Set<number>();
  for (const { port, targetPort, protocol } of services.flatMap((service) => service.ports)) {
    const numbers = typeof targetPort === "number" ? [port, targetPort] : [port];
    for (const number of numbers) (protocols.includes(protocol) ? declared : other).add(number);
  }
  return [...declared].filter((port) => !other.has(port)).sort((a, b) => a - b);
}

/** What telemetry calls a service. */
export function serviceLabel(service: MeshService): ServiceLabel {
  return { hostname: service.hostname, name: service.name, namespace: service.namespace };
}
