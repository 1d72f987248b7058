// Views of routes → Envoy virtual hosts and route configurations.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route";
import type {
  HeaderMatcherSchema,
  RouteSchema,
  VirtualHost,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { GatewayListenerView, RouteView, VirtualHostView } from "#compile/views.ts";
import { authorityHeader, destinationHeader, enableMiss, missHeader } from "./filters/on-demand.ts";
import { headerChanges } from "./header-changes.ts";
import { adsSource, heddleMetadata } from "./messages.ts";
import { gatewayListenerName, outboundRouteConfiguration, virtualHostName } from "./names.ts";
import { type PinnedRoute, pinnedRoutes } from "./pinned-sessions.ts";
import { unprocessedHeader } from "./retries.ts";
import { type HostRewrite, routeAction } from "./route-actions.ts";
import { routeFilters } from "./route-filters.ts";
import { routeMatch } from "./route-matches.ts";

/** The outbound route configuration, in which every virtual host but the catch-all is on demand. */
export function outboundRoutes(): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: outboundRouteConfiguration,
    // Envoy waits for an answer to the subscription that it opens without names: not long.
    vhds: { configSource: adsSource(1) },
    virtualHosts: [{ name: "miss", domains: ["*"], routes: [missRoute] }],
    requestHeadersToRemove: [destinationHeader],
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: 4096,
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
  typedPerFilterConfig: enableMiss,
};

/**
 * The virtual host for one destination address. Every route asks for that destination, so that a Host which is the
 * name of another service takes the way by the destination.
 */
export function virtualHost(view: VirtualHostView): VirtualHost {
  const toThisAddress: MessageInitShape<typeof HeaderMatcherSchema> = {
    name: destinationHeader,
    headerMatchSpecifier: {
      case: "stringMatch",
      value: { matchPattern: { case: "exact", value: view.address } },
    },
  };
  return create(VirtualHostSchema, {
    name: virtualHostName(view.address),
    domains: [...view.domains],
    routes: [
      ...view.routes.flatMap((route) =>
        routesOf(route, [toThisAddress], { case: "hostRewriteHeader", value: authorityHeader }),
      ),
      missRoute,
    ],
  });
}

/** The routes of a gateway's port, whole. */
export function gatewayRoutes(view: GatewayListenerView): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: gatewayListenerName(view.port),
    virtualHosts: view.virtualHosts.map((host) => ({
      name: host.name,
      domains: [...host.domains],
      routes: host.routes.flatMap((route) => routesOf(route, [], undefined)),
    })),
    ignorePortInHostMatching: true,
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: 4096,
  });
}

function routesOf(
  route: RouteView,
  conditions: readonly MessageInitShape<typeof HeaderMatcherSchema>[],
  hostRewrite: HostRewrite | undefined,
): readonly MessageInitShape<typeof RouteSchema>[] {
  return pinnedRoutes(route).map((pinned) => routeOf(pinned, conditions, hostRewrite));
}

function routeOf(
  { view, cookies }: PinnedRoute,
  conditions: readonly MessageInitShape<typeof HeaderMatcherSchema>[],
  hostRewrite: HostRewrite | undefined,
): MessageInitShape<typeof RouteSchema> {
  const origin = view.origins[0];
  return {
    name: view.name,
    match: routeMatch(view.match, conditions, cookies),
    action: routeAction(view, hostRewrite),
    typedPerFilterConfig: routeFilters(view, hostRewrite !== undefined),
    ...headerChanges(view.request, view.response),
    ...(origin === undefined
      ? {}
      : {
          metadata: heddleMetadata({
            kind: origin.kind,
            namespace: origin.namespace,
            name: origin.name,
            field: origin.field ?? "",
          }),
        }),
  };
}
