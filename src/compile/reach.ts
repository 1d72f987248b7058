// What a client can reach of what there is: at an address, by a name, and what becomes of the rest.
import type { Fetch } from "#collections/graph.ts";
import type { OthersPolicy } from "#model/others.ts";
import { isHttp, type MeshService } from "#model/service.ts";
import { isVisible } from "#model/visibility.ts";
import { isIpv4Range, isWithin } from "./address-ranges.ts";
import type { Client } from "./clients.ts";
import type { Mesh } from "./graph.ts";
import { byPrecedence, serviceKey, serviceOfHost } from "./services.ts";
import { allowedBySidecar } from "./sidecars.ts";

/** Whether a client may know a service's port: exported to its namespace, and allowed by its Sidecar. */
export function isReachable(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: MeshService,
  port: number,
): boolean {
  return isVisible(service.visibility, client.namespace) && isAllowed(mesh, fetch, client, service, port);
}

/** Whether a client's Sidecar lets it know a port of a host. */
export function isAllowed(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  service: Pick<MeshService, "namespace" | "hostname">,
  port: number,
): boolean {
  if (client.sidecar === undefined) return true;
  const sidecar = fetch.get(mesh.sidecars, client.sidecar);
  return sidecar === undefined || allowedBySidecar(sidecar, client.namespace, service, port);
}

/** The services with this address that a client can reach on a port, the one that counts first. */
export function servicesAt(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  address: string,
  port: number,
): readonly MeshService[] {
  const inRanges = (fetch.get(mesh.serviceRanges, "") ?? [])
    .filter(({ range }) => isWithin(address, range))
    .flatMap(({ service }) => fetch.get(mesh.services, service) ?? []);
  return [...fetch.by(mesh.servicesByAddress, address), ...inRanges]
    .filter((service) => isReachable(mesh, fetch, client, service, port))
    .sort(byPrecedence(client.namespace));
}

/** Whether a client can reach a pod by its own address: it is behind no service, or behind one that the client can reach. */
export function isReachablePod(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  address: string,
  port: number,
): boolean {
  const behind = fetch.by(mesh.endpointsByAddress, `${address}:${port}`).flatMap((found) => {
    const service = fetch.get(mesh.services, found.service);
    return service === undefined ? [] : [{ service, port: found.port }];
  });
  return (
    behind.length === 0 ||
    behind.some(({ service, port: own }) => isReachable(mesh, fetch, client, service, own))
  );
}

/** The services outside, of ServiceEntries and ExternalNames, that a client can reach on some port: of each host the one that counts. */
export function entriesFor(mesh: Mesh, fetch: Fetch, client: Client): readonly MeshService[] {
  const hosts = new Set(fetch.all(mesh.entryServices).map(({ hostname }) => hostname));
  return [...hosts].sort().flatMap((host) => {
    const service = serviceOfHost(mesh.routing, fetch, host, client.namespace);
    if (service?.hostname !== host || (service.kind === "Service" && !service.external)) return [];
    const ports = service.ports
      // Bytes to a Service that is the name of a host outside say nothing of it.
      .filter(({ protocol }) => service.kind === "ServiceEntry" || isHttp(protocol))
      .filter(({ port }) => isReachable(mesh, fetch, client, service, port));
    return ports.length === 0 ? [] : [{ ...service, ports }];
  });
}

/** The service outside that takes all TCP to a port, wherever it goes: it has no address. */
export function entryOfTcpPort(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  port: number,
): MeshService | undefined {
  return fetch
    .by(mesh.entriesByTcpPort, String(port))
    .filter((service) => isReachable(mesh, fetch, client, service, port))
    .toSorted(byPrecedence(client.namespace))[0];
}

/** The ports of a service on which it takes all TCP. */
export function openTcpPorts({ kind, addresses, ports }: MeshService): readonly number[] {
  return addresses.length > 0 || kind === "Service"
    ? []
    : ports.filter(({ protocol }) => protocol === "tcp").map(({ port }) => port);
}

/** What becomes of what a client sends to a destination that it cannot know. */
export function othersPolicy(mesh: Mesh, fetch: Fetch, client: Client): OthersPolicy {
  const sidecar = client.sidecar === undefined ? undefined : fetch.get(mesh.sidecars, client.sidecar);
  return sidecar?.others ?? mesh.settings.outboundTrafficPolicy;
}

/** The addresses of services that are ranges, with the services' keys. */
export function rangesOf(
  services: readonly MeshService[],
): readonly { readonly range: string; readonly service: string }[] {
  return services.flatMap((service) =>
    service.addresses
      .filter((address) => address.includes("/") && isIpv4Range(address))
      .map((range) => ({ range, service: serviceKey(service) })),
  );
}
