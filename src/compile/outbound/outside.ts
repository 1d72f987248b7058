// What a sidecar knows from the start: where its application's connections may go, and hosts outside by their names.
import type { Fetch } from "#collections/graph.ts";
import { isHttp, type MeshService } from "#model/service.ts";
import type { Client } from "../clients/clients.ts";
import { isIpv4Range, isWithin } from "../endpoints/address-ranges.ts";
import type { OutboundListenerView, OutsideRoutesView } from "../listener-views.ts";
import type { Mesh } from "../mesh.ts";
import { hostsOfService } from "../services/services.ts";
import { othersAction, othersOf } from "./others.ts";
import { hasHttpPort, portRoutes } from "./outbound.ts";
import { entriesFor, openTcpPorts, sidecarOfClient } from "./reach.ts";
import { virtualHostPort, virtualHostsFor } from "./virtual-hosts.ts";

/** Ranges in which services and pods live, whatever there is: RFC 1918 and RFC 6598. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** What a sidecar's outbound listener needs to know. */
export function outboundListenerView(mesh: Mesh, fetch: Fetch, client: Client): OutboundListenerView {
  const entries = entriesFor(mesh, fetch, client);
  const names = entries.filter(({ ports }) => ports.some(({ protocol }) => protocol === "tls"));
  return {
    meshRanges: rangesOutside(mesh, fetch, client, entries),
    serverNames: names.map(({ hostname }) => hostname),
    outsideTcpPorts: [...new Set(entries.flatMap(openTcpPorts))].sort((a, b) => a - b),
    outsideHttpPorts: outsideHttpPorts(mesh, fetch, entries),
    serverNamePorts: fetch.get(mesh.serverNamePorts, "") ?? [],
    tcpPorts: fetch.get(mesh.tcpPorts, "") ?? [],
    opaquePorts: fetch.get(mesh.opaquePorts, "") ?? [],
    httpPorts: fetch.get(mesh.httpPorts, "") ?? [],
    others: othersOf(mesh, fetch, client),
  };
}

/** The ports that hosts outside have for HTTP, and none of them for anything else. */
function outsideHttpPorts(mesh: Mesh, fetch: Fetch, entries: readonly MeshService[]): readonly number[] {
  const ports = entries.flatMap((entry) => entry.ports);
  const others = new Set(ports.filter(({ protocol }) => !isHttp(protocol)).map(({ port }) => port));
  const named = (fetch.get(mesh.virtualHosts, "") ?? []).length > 0 ? [virtualHostPort] : [];
  const declared = new Set([...ports.map(({ port }) => port), ...named]);
  return [...declared].filter((port) => !others.has(port)).sort((a, b) => a - b);
}

/** The routes to hosts outside that have HTTP, and of those that VirtualServices alone know. */
export function outsideRoutesView(mesh: Mesh, fetch: Fetch, client: Client): OutsideRoutesView {
  const entries = entriesFor(mesh, fetch, client);
  const found = entries.flatMap((service) => {
    const ports = service.ports
      .filter(({ port }) => hasHttpPort(service, port))
      .map(({ port }) => ({ port, ...portRoutes(mesh, fetch, client, service, { port }) }));
    return hostsOfService(service, client.namespace).map((hostname) => ({
      host: { hostname, ports: ports.map(({ port, routes }) => ({ port, routes })) },
      origins: ports.flatMap(({ origins }) => origins),
    }));
  });
  const named = virtualHostsFor(mesh, fetch, client).map(({ hostname, routes, origins }) => ({
    host: { hostname, ports: [{ port: virtualHostPort, routes }] },
    origins,
  }));
  const withHttp = [...found.filter(({ host }) => host.ports.length > 0), ...named];
  return {
    meshRanges: rangesOutside(mesh, fetch, client, entries),
    hosts: withHttp.map(({ host }) => host),
    others: othersAction(othersOf(mesh, fetch, client)),
    origins: withHttp.flatMap(({ origins }) => origins),
  };
}

/** The private ranges, and the addresses that hosts outside have elsewhere, or that stand for hosts. */
function rangesOutside(
  mesh: Mesh,
  fetch: Fetch,
  client: Client,
  entries: readonly MeshService[],
): readonly string[] {
  const bound = sidecarOfClient(mesh, fetch, client)?.egressAddresses ?? [];
  const addresses = [
    ...entries.flatMap((service) => service.addresses),
    ...bound.map(({ address }) => address),
  ].filter((address) => isIpv4Range(address) && !privateRanges.some((range) => isWithin(address, range)));
  return [...privateRanges, ...new Set(addresses)];
}
