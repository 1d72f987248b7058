// Views of routes → Envoy virtual hosts and route configurations.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route";
import type { RouteSchema, VirtualHost } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type {
  EgressListenerView,
  GatewayHttpView,
  OutsideHostView,
  OutsideRoutesView,
} from "#compile/listener-views.ts";
import type { RouteView, VirtualHostView } from "#compile/views.ts";
import { largestAnswer, noHeaderChanges } from "#model/route.ts";
import { byHost, type ConnectionMatcher, outsideOf, toDestination, toPort } from "../destinations.ts";
import { authorityHeader, missHeader, routeHeader, takeWayByDestination } from "../filters/on-demand.ts";
import { applyPolicies } from "../filters/policies.ts";
import { byRouteMetadata, rateLimit } from "../filters/rate-limit.ts";
import { waitForNothing } from "../filters/wait.ts";
import { adsSource } from "../messages.ts";
import {
  egressListenerName,
  gatewayListenerName,
  outboundRouteConfiguration,
  unprocessedHeader,
  virtualHostName,
} from "../names.ts";
import { headerChanges } from "./header-changes.ts";
import { type PinnedRoute, pinnedRoutes } from "./pinned-sessions.ts";
import { type HostRewrite, routeAction } from "./route-actions.ts";
import { routeFilters } from "./route-filters.ts";
import { type Conditions, type HostPlace, routeMatches } from "./route-matches.ts";
import { namedRequest, routeMetadata } from "./route-scopes.ts";

/** The outbound route configuration: hosts outside from the start, all other virtual hosts on demand. */
export function outboundRoutes(view: OutsideRoutesView): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: outboundRouteConfiguration,
    // Envoy waits for an answer to the subscription that it opens without names: not long.
    vhds: { configSource: adsSource(1) },
    virtualHosts: [
      ...view.hosts.map((host) => outsideHost(host, view)),
      { name: "miss", domains: ["*"], routes: [...othersRoute(view), missRoute] },
    ],
    typedPerFilterConfig: waitForNothing,
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: largestAnswer,
  });
}

/** Matches a request whose Host is not known yet, to have its destination put in the place of it. Never answers. */
const missRoute: MessageInitShape<typeof RouteSchema> = {
  match: {
    pathSpecifier: { case: "prefix", value: "/" },
    headers: [
      { name: missHeader, headerMatchSpecifier: { case: "presentMatch", value: true }, invertMatch: true },
    ],
  },
  action: { case: "directResponse", value: { status: 500 } },
  typedPerFilterConfig: takeWayByDestination,
};

/** A host outside, by the Host that requests name; one whose address is looked up takes the way by destination. */
function outsideHost(
  { hostname, ports }: OutsideHostView,
  view: OutsideRoutesView,
): MessageInitShape<typeof VirtualHostSchema> {
  return {
    name: hostname,
    domains: [hostname, ...ports.map(({ port }) => `${hostname}:${port}`)],
    routes: [
      ...ports.flatMap(({ port, routes }) =>
        routes.flatMap((route) =>
          routesOf(route, {
            host: "asSent",
            proxy: "sidecar",
            where: [toPort(port), outsideOf(view.meshRanges)],
          }),
        ),
      ),
      ...othersRoute(view),
      missRoute,
    ],
  };
}

/** Takes what is outside and not known. */
function othersRoute({
  meshRanges,
  others,
}: OutsideRoutesView): readonly MessageInitShape<typeof RouteSchema>[] {
  const route: RouteView = {
    name: others.kind === "forward" ? "egress proxy" : others.kind,
    match: { headers: [], queryParameters: [] },
    action: others,
    request: noHeaderChanges,
    response: noHeaderChanges,
    origins: [],
  };
  return routesOf(route, { host: "asSent", proxy: "sidecar", where: [outsideOf(meshRanges)] });
}

/**
 * The virtual host for one destination address. Every route asks for that destination, so that a Host which is the
 * name of another service takes the way by the destination.
 */
export function virtualHost(view: VirtualHostView): VirtualHost {
  const where = [toDestination(view.address)];
  return create(VirtualHostSchema, {
    name: virtualHostName(view.address),
    domains: [...view.domains],
    routes: [
      ...view.routes.flatMap((route) =>
        routesOf(route, { headers: byHost(route.host), host: "byDestination", proxy: "sidecar", where }),
      ),
      missRoute,
    ],
  });
}

/** The routes of a gateway's port, whole. */
export function gatewayRoutes(view: GatewayHttpView): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: gatewayListenerName(view.port),
    virtualHosts: view.virtualHosts.map((host) => ({
      name: host.name,
      domains: [...host.domains],
      routes: host.routes.flatMap((route) =>
        routesOf(route, { host: "asSent", proxy: "gateway", where: [] }),
      ),
    })),
    ignorePortInHostMatching: true,
    // Strangers name no routes.
    requestHeadersToRemove: [routeHeader],
    typedPerFilterConfig: applyPolicies(view.rateLimits.map((each) => rateLimit(each, byRouteMetadata))),
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: largestAnswer,
  });
}

/** The routes of a listener for a sidecar's application, whole. */
export function egressRoutes({
  at,
  virtualHosts,
}: Extract<EgressListenerView, { kind: "http" }>): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: egressListenerName(at),
    virtualHosts: virtualHosts.map(({ name, domains, routes }) => ({
      name,
      domains: [...domains],
      routes: routes.flatMap((route) => routesOf(route, { host: "asSent", proxy: "sidecar", where: [] })),
    })),
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: largestAnswer,
  });
}

/** How requests come to a virtual host. */
interface Way {
  /** Whose routes these are: a sidecar tells the server which one a request has taken. */
  readonly proxy: "sidecar" | "gateway";
  readonly headers?: Conditions["headers"];
  readonly host: HostPlace;
  readonly where: readonly ConnectionMatcher[];
}

function routesOf(view: RouteView, way: Way): readonly MessageInitShape<typeof RouteSchema>[] {
  return pinnedRoutes(view).flatMap((pinned) => routesOfOne(pinned, way));
}

function routesOfOne(
  { view, cookies }: PinnedRoute,
  { proxy, headers = [], host, where }: Way,
): readonly MessageInitShape<typeof RouteSchema>[] {
  const byDestination = host === "byDestination";
  const inSidecar = proxy === "sidecar";
  const shared: MessageInitShape<typeof RouteSchema> = {
    name: view.name,
    ...(view.statPrefix === undefined ? {} : { statPrefix: view.statPrefix }),
    action: routeAction(view, byDestination ? hostOfTheClient : undefined),
    typedPerFilterConfig: routeFilters(view, byDestination),
    ...headerChanges(inSidecar ? namedRequest(view) : view.request, view.response),
    ...routeMetadata(view, inSidecar),
  };
  return routeMatches(view.match, { headers, cookies }, host).map((match) => ({
    ...shared,
    match: { ...match, filterState: [...where] },
  }));
}

const hostOfTheClient: HostRewrite = { case: "hostRewriteHeader", value: authorityHeader };
