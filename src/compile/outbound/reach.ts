// What a client can reach of what there is: at an address, and by a name.
import type { Fetch } from "#collections/graph.ts";
import { isHttp, type MeshService } from "#model/service.ts";
import type { HostScope, SidecarScope } from "#model/sidecar.ts";
import { isVisible } from "#model/visibility.ts";
import type { Client } from "../clients/clients.ts";
import { allowedBySidecar, meansService } from "../clients/sidecars.ts";
import { isIpv4Range, isWithin } from "../endpoints/address-ranges.ts";
import type { Mesh } from "../mesh.ts";
import { byPrecedence, serviceKey, serviceOfHost } from "../services/services.ts";

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
  const sidecar = sidecarOfClient(mesh, fetch, client);
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
  const bound = sidecarOfClient(mesh, fetch, client)?.egressAddresses.find(
    (each) => each.address === address && each.port === port,
  );
  if (bound !== undefined) return servicesNamed(mesh, fetch, client, bound);
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

/** The services that hosts of a Sidecar mean to a client, on a port if one is given, in order of their names. */
export function servicesNamed(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  { hosts, port }: { readonly hosts: readonly HostScope[]; readonly port?: number | undefined },
): readonly MeshService[] {
  const { namespace } = client;
  const found = fetch
    .all(mesh.services)
    .filter(
      (service) =>
        meansService(hosts, namespace, service) &&
        isVisible(service.visibility, namespace) &&
        (port === undefined || service.ports.some((each) => each.port === port)),
    )
    .sort(byPrecedence(namespace));
  const byName = new Map(found.toReversed().map((service) => [service.hostname, service]));
  return [...byName.values()].sort((a, b) => a.hostname.localeCompare(b.hostname));
}

/** The Sidecar that a client has. */
export function sidecarOfClient(mesh: Mesh, fetch: Fetch, client: Client): SidecarScope | undefined {
  return client.sidecar === undefined ? undefined : fetch.get(mesh.sidecars, client.sidecar);
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
