// Services by the hosts and addresses that name them.
import type { Fetch, Index } from "#collections/graph.ts";
import { longestHostname } from "#model/hostname.ts";
import { serviceHostname } from "#model/kubernetes/mesh-service.ts";
import type { Origin } from "#model/reference.ts";
import type { MeshService, PortProtocol } from "#model/service.ts";
import { isVisible } from "#model/visibility.ts";
import type { ServiceLabel } from "../views.ts";

/** The key of a service in collections; for a Service it is that of the object. */
export function serviceKey(service: Pick<MeshService, "kind" | "namespace" | "name" | "hostname">): string {
  const object = `${service.namespace}/${service.name}`;
  return service.kind === "Service" ? object : `${object}/${service.hostname}`;
}

/** The object that defines a service: `Service shop/web`. A ServiceEntry defines one for each of its hosts. */
export function objectOfService({ kind, namespace, name }: MeshService): string {
  return `${kind} ${namespace}/${name}`;
}

/** The key of a port of a service in collections: `namespace/name:port`. */
export function servicePortKey(service: Parameters<typeof serviceKey>[0], port: number): string {
  return `${serviceKey(service)}:${port}`;
}

/** Where services are looked up by the hosts that name them. */
export interface Hosts {
  readonly servicesByHostname: Index<MeshService>;
}

/**
 * The hostnames that a host may mean, as written in an object of `namespace`, the likeliest first: `reviews`,
 * `reviews.shop` and `reviews.shop.svc` are short for the full name of a Service.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
 */
export function meantHostnames(host: string, namespace: string): readonly string[] {
  const [name = "", space, svc, ...domain] = host.split(".");
  if (name === "" || host.includes("*")) return [host];
  if (space === undefined) return [serviceHostname(namespace, name)];
  if (svc === undefined) return [host, serviceHostname(space, name)];
  return svc === "svc" && domain.length === 0 ? [serviceHostname(space, name)] : [host];
}

/** The hosts by which requests from a namespace mean a service; short ones are names of Services, for their own namespace. */
export function hostsOfService(
  { kind, name, namespace, hostname }: MeshService,
  clientNamespace: string,
): readonly string[] {
  if (kind === "ServiceEntry") return [hostname];
  const short = clientNamespace === namespace ? [name] : [];
  return [hostname, `${name}.${namespace}.svc`, `${name}.${namespace}`, ...short];
}

/**
 * The hosts by which an object may mean a hostname, the most specific first: itself, and wildcards such as
 * `*.shop.svc.cluster.local`.
 */
export function hostPatterns(hostname: string): readonly string[] {
  return [hostname, ...wildcardsOver(hostname), "*"];
}

/**
 * The service that a host means, as written in an object of `namespace` or asked for by a client there: of several that
 * the namespace may know the one that counts, else one whose host is a wildcard, the longest first.
 */
export function serviceOfHost(
  hosts: Hosts,
  fetch: Fetch,
  host: string,
  namespace: string,
): MeshService | undefined {
  const lower = host.toLowerCase();
  for (const hostname of [...meantHostnames(lower, namespace), ...wildcardsOver(lower)]) {
    const [service] = fetch
      .by(hosts.servicesByHostname, hostname)
      .filter(({ visibility }) => isVisible(visibility, namespace))
      .sort(byPrecedence(namespace));
    if (service !== undefined) return service;
  }
  return undefined;
}

/** `a.b.c` → `*.b.c`, `*.c`. What is too long to be a host, which anybody may write, has none: they would be gigabytes. */
function wildcardsOver(host: string): readonly string[] {
  if (host.length > longestHostname) return [];
  const labels = host.split(".").slice(1);
  return host.startsWith("*") ? [] : labels.map((_, index) => `*.${labels.slice(index).join(".")}`);
}

/** Of several services with one host or address: a Service, then that of the own namespace, then the oldest. */
export function byPrecedence(namespace: string): (a: MeshService, b: MeshService) => number {
  const place = ({ kind, namespace: own }: MeshService) =>
    kind === "Service" ? 0 : own === namespace ? 1 : 2;
  return (a, b) =>
    place(a) - place(b) || a.created.localeCompare(b.created) || serviceKey(a).localeCompare(serviceKey(b));
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

/** Ports on which no connection is taken for HTTP: those, and those that services declare TLS. */
export function opaquePortsOf(services: readonly MeshService[]): readonly number[] {
  return portsDeclared(services, ["tcp", "tls"], serverFirstPorts);
}

/** Ports on which every connection is HTTP: those that services declare so, and none otherwise. */
export function httpPortsOf(services: readonly MeshService[]): readonly number[] {
  return portsDeclared(services, ["http", "grpc"], []).filter((port) => !serverFirstPorts.includes(port));
}

/** In order: the ports that are known, or declared, to have one of the protocols, and that nobody declares otherwise. */
function portsDeclared(
  services: readonly MeshService[],
  protocols: readonly PortProtocol[],
  known: readonly number[],
): readonly number[] {
  const declared = new Set<number>(known);
  const other = new Set<number>();
  for (const service of services) {
    for (const { port, targetPort, protocol } of service.ports) {
      // What is outside is dialled by the service's port alone.
      const numbers = typeof targetPort === "number" && !service.external ? [port, targetPort] : [port];
      for (const number of numbers) {
        if (protocols.includes(protocol)) declared.add(number);
        else if (protocol !== "detect" || !known.includes(number)) other.add(number);
      }
    }
  }
  return [...declared].filter((port) => !other.has(port)).sort((a, b) => a - b);
}

/** The object that defines a service. */
export function serviceOrigin({ kind, namespace, name }: MeshService): Origin {
  return { kind, namespace, name };
}

/** What telemetry calls a service; as Istio does, one that is no Service by its host. */
export function serviceLabel({ kind, hostname, name, namespace }: MeshService): ServiceLabel {
  return { hostname, name: kind === "Service" ? name : hostname, namespace };
}
