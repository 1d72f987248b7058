// Which VirtualServices a host's requests are subject to, and the routes that they give.
import type { Fetch } from "#collections/graph.ts";
import { coversHost } from "#model/host-pattern.ts";
import type { FindVirtualService } from "#model/istio/delegates.ts";
import { isForMesh } from "#model/istio/gateway-names.ts";
import type { ResolveDestination } from "#model/istio/resolve-destination.ts";
import { type RoutePlace, routesOfVirtualService } from "#model/istio/routes.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { isEveryRequest, type Route } from "#model/route.ts";
import { isVisible, visibilityOf } from "#model/visibility.ts";
import { serviceOfHost } from "../services/services.ts";
import { withSessions } from "./backend-policies.ts";
import { byAge } from "./by-age.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/**
 * Those for the traffic of sidecars of a namespace to a hostname, the oldest first; `""`: of any namespace. One that
 * names the host itself is for it alone, a longer wildcard goes before a shorter one: only those that name the host
 * alike share it.
 */
export function virtualServicesOf(
  inputs: RoutingInputs,
  fetch: Fetch,
  hostname: string,
  namespace: string,
): readonly VirtualService[] {
  const isExported = (each: VirtualService) => isExportedTo(each, namespace);
  const exact = fetch.by(inputs.virtualServicesByHost, hostname).filter(isExported);
  if (exact.length > 0) return exact.sort(byAge);
  const wide = fetch.by(inputs.wildcardVirtualServices, "").filter(isForMesh).filter(isExported);
  const hosts = wide.flatMap(({ spec }) => spec.hosts ?? []).filter((host) => coversHost(host, hostname));
  const longest = hosts.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return [];
  return wide.filter(({ spec }) => spec.hosts?.includes(longest) === true).sort(byAge);
}

/**
 * The namespaces whose clients see other VirtualServices for a hostname than all others do: those that some are exported
 * to alone.
 */
export function namespacesExportedTo(
  inputs: RoutingInputs,
  fetch: Fetch,
  hostname: string,
): readonly string[] {
  const candidates = [
    ...fetch.by(inputs.virtualServicesByHost, hostname),
    ...fetch.by(inputs.wildcardVirtualServices, "").filter(isForMesh),
  ];
  const names = candidates.map(visibilityOf).flatMap((to) => (to.kind === "all" ? [] : to.names));
  return [...new Set(names)].sort();
}

/** Whether a VirtualService is exported to a namespace. */
export function isExportedTo(virtualService: VirtualService, namespace: string): boolean {
  return isVisible(visibilityOf(virtualService), namespace);
}

/** Finds those that a VirtualService may delegate to: they are exported to its namespace. */
export function delegatesFor(
  { metadata }: VirtualService,
  inputs: RoutingInputs,
  fetch: Fetch,
): FindVirtualService {
  return (key) => {
    const found = fetch.get(inputs.virtualServices, key);
    return found !== undefined && isExportedTo(found, metadata.namespace ?? "default") ? found : undefined;
  };
}

/** A VirtualService where it is tried. */
export interface PlacedVirtualService {
  readonly virtualService: VirtualService;
  readonly place: RoutePlace;
}

/**
 * The routes of several VirtualServices that share a host, in the order in which they are tried: those of the first,
 * then those of the next; but what stands from the first route on that takes every request comes after all the others.
 */
export function virtualServiceRoutes(
  placed: readonly PlacedVirtualService[],
  inputs: RoutingInputs,
  fetch: Fetch,
): readonly Route[] {
  const lists = placed.map(({ virtualService, place }) => {
    const routes = routesOfVirtualService(
      virtualService,
      place,
      delegatesFor(virtualService, inputs, fetch),
      resolveDestination(inputs, fetch, place.port),
    );
    const end = routes.findIndex(({ match }) => isEveryRequest(match));
    return end === -1 ? [routes, []] : [routes.slice(0, end), routes.slice(end)];
  });
  const routes = [...lists.flatMap(([exact]) => exact ?? []), ...lists.flatMap(([, rest]) => rest ?? [])];
  return withSessions(routes, inputs, fetch);
}

/** Finds the service ports that destinations mean in routes for a port. */
export function resolveDestination(inputs: RoutingInputs, fetch: Fetch, dialled: number): ResolveDestination {
  return (destination, namespace) => {
    const service = serviceOfHost(inputs, fetch, destination.host, namespace);
    const only = service?.ports.length === 1 ? service.ports[0]?.port : undefined;
    const wanted = destination.port?.number ?? only ?? dialled;
    return service?.ports.some(({ port }) => port === wanted) === true
      ? { hostname: service.hostname, port: wanted }
      : undefined;
  };
}
