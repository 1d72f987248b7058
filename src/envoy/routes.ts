// Views of routes → Envoy virtual hosts and route configurations.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { HeaderValueOption_HeaderAppendAction } from "@heddle/envoy-api/envoy/config/core/v3/base";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route";
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RetryPolicySchema,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  VirtualHost,
  WeightedCluster_ClusterWeightSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { VirtualHostSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { PreviousHostsPredicateSchema } from "@heddle/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts";
import type { GatewayListenerView, RouteView, VirtualHostView, WeightedCluster } from "#compile/views.ts";
import type {
  HeaderChanges,
  HeaderValue,
  NamedMatcher,
  PathMatcher,
  Rewrite,
  StringMatcher,
} from "#model/route.ts";
import { answerWith } from "./filters/fault.ts";
import { authorityHeader, destinationHeader, enableMiss, missHeader } from "./filters/on-demand.ts";
import { restoreHost } from "./filters/original-host.ts";
import { adsSource, duration, extension, heddleMetadata } from "./messages.ts";
import {
  blackHoleCluster,
  clusterName,
  gatewayListenerName,
  outboundRouteConfiguration,
  passthroughCluster,
  virtualHostName,
} from "./names.ts";
import { pathRewrite } from "./path-changes.ts";
import { redirectAction } from "./redirects.ts";

/** Set by a server's sidecar on a reply to a request that its application never saw: it is safe to retry. */
export const unprocessedHeader = "x-heddle-unprocessed";

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
      ...view.routes.map((route) =>
        routeOf(route, [toThisAddress], { case: "hostRewriteHeader", value: authorityHeader }),
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
      routes: host.routes.map((route) => routeOf(route, [], undefined)),
    })),
    ignorePortInHostMatching: true,
    responseHeadersToRemove: [unprocessedHeader],
    maxDirectResponseBodySizeBytes: 4096,
  });
}

type HostRewrite = Exclude<MessageInitShape<typeof RouteActionSchema>["hostRewriteSpecifier"], undefined>;

function routeOf(
  view: RouteView,
  conditions: readonly MessageInitShape<typeof HeaderMatcherSchema>[],
  hostRewrite: HostRewrite | undefined,
): MessageInitShape<typeof RouteSchema> {
  const origin = view.origins[0];
  return {
    name: view.name,
    match: {
      pathSpecifier: pathSpecifier(view.match.path),
      headers: [...conditions, ...headerMatchers(view)],
      queryParameters: view.match.queryParameters.map(queryParameterMatcher),
    },
    action: routeAction(view, hostRewrite),
    ...(view.action.kind === "redirect" && hostRewrite !== undefined
      ? { typedPerFilterConfig: restoreHost }
      : {}),
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

function routeAction(
  { action }: RouteView,
  hostRewrite: HostRewrite | undefined,
): NonNullable<MessageInitShape<typeof RouteSchema>["action"]> {
  if (action.kind === "respond") {
    return {
      case: "directResponse",
      value: { status: action.status, body: { specifier: { case: "inlineString", value: action.body } } },
    };
  }
  if (action.kind === "redirect") return { case: "redirect", value: redirectAction(action) };
  const shared: MessageInitShape<typeof RouteActionSchema> = {
    ...(hostRewrite === undefined ? {} : { hostRewriteSpecifier: hostRewrite }),
    // The connection manager bounds the wait for a route; with the route there, streams may idle as long as they like.
    // Not by max_stream_duration: a route that has one ignores its own timeout.
    idleTimeout: duration(0),
    timeout: duration(action.kind === "forward" ? (action.timeoutMs ?? 0) : 0),
  };
  return {
    case: "route",
    value:
      action.kind === "passthrough"
        ? { ...shared, clusterSpecifier: { case: "cluster", value: passthroughCluster } }
        : {
            ...shared,
            ...rewriteOf(action.rewrite),
            clusterSpecifier: clusterSpecifier(action.destinations, action.unusableStatus),
            retryPolicy: safeRetries(action.attemptTimeoutMs),
          },
  };
}

function rewriteOf(
  rewrite: Rewrite | undefined,
): Pick<
  MessageInitShape<typeof RouteActionSchema>,
  "hostRewriteSpecifier" | "prefixRewrite" | "regexRewrite"
> {
  const hostname = rewrite?.hostname;
  return {
    ...(hostname === undefined
      ? {}
      : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: hostname } }),
    ...pathRewrite(rewrite?.path),
  };
}

/** Again only where the request was provably not processed. */
function safeRetries(attemptTimeoutMs: number | undefined): MessageInitShape<typeof RetryPolicySchema> {
  return {
    retryOn: "connect-failure,refused-stream,reset-before-request,retriable-headers",
    numRetries: 2,
    retriableHeaders: [
      { name: unprocessedHeader, headerMatchSpecifier: { case: "presentMatch", value: true } },
    ],
    retryHostPredicate: [
      extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicateSchema, {}),
    ],
    hostSelectionRetryMaxAttempts: 5n,
    ...(attemptTimeoutMs === undefined ? {} : { perTryTimeout: duration(attemptTimeoutMs) }),
  };
}

function clusterSpecifier(
  destinations: readonly WeightedCluster[],
  unusableStatus: number,
): NonNullable<MessageInitShape<typeof RouteActionSchema>["clusterSpecifier"]> {
  const [only] = destinations;
  if (destinations.length === 1 && only?.cluster !== undefined && !changesHeaders(only)) {
    return { case: "cluster", value: clusterName(only.cluster) };
  }
  return {
    case: "weightedClusters",
    value: { clusters: destinations.map((each) => clusterWeight(each, unusableStatus)) },
  };
}

function changesHeaders({ request, response }: WeightedCluster): boolean {
  return [request, response].some(({ set, add, remove }) => set.length + add.length + remove.length > 0);
}

function clusterWeight(
  destination: WeightedCluster,
  unusableStatus: number,
): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  return {
    name: destination.cluster === undefined ? blackHoleCluster : clusterName(destination.cluster),
    weight: destination.weight,
    ...headerChanges(destination.request, destination.response),
    ...(destination.cluster === undefined ? { typedPerFilterConfig: answerWith(unusableStatus) } : {}),
  };
}

function pathSpecifier(
  path: PathMatcher | undefined,
): NonNullable<MessageInitShape<typeof RouteMatchSchema>["pathSpecifier"]> {
  if (path === undefined) return { case: "prefix", value: "/" };
  switch (path.kind) {
    case "exact":
      return { case: "path", value: path.value };
    case "prefix":
      return { case: "prefix", value: path.value };
    case "regex":
      return { case: "safeRegex", value: { regex: path.value } };
    case "pathPrefix": {
      const value = path.value.replace(/\/+$/, "");
      return value === "" ? { case: "prefix", value: "/" } : { case: "pathSeparatedPrefix", value };
    }
  }
}

function headerMatchers({ match }: RouteView): readonly MessageInitShape<typeof HeaderMatcherSchema>[] {
  const method: readonly NamedMatcher[] =
    match.method === undefined ? [] : [{ name: ":method", value: match.method }];
  return [...method, ...match.headers].map(({ name, value }) => ({
    name,
    headerMatchSpecifier: { case: "stringMatch", value: stringMatch(value) },
  }));
}

function queryParameterMatcher({
  name,
  value,
}: NamedMatcher): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return { name, queryParameterMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}

function stringMatch(matcher: StringMatcher) {
  return {
    matchPattern:
      matcher.kind === "regex"
        ? { case: "safeRegex" as const, value: { regex: matcher.value } }
        : { case: matcher.kind, value: matcher.value },
  };
}

function headerChanges(request: HeaderChanges, response: HeaderChanges) {
  return {
    requestHeadersToAdd: headerOptions(request),
    requestHeadersToRemove: [...request.remove],
    responseHeadersToAdd: headerOptions(response),
    responseHeadersToRemove: [...response.remove],
  };
}

function headerOptions({ set, add }: HeaderChanges) {
  const option = (appendAction: HeaderValueOption_HeaderAppendAction) => (header: HeaderValue) => ({
    header: { key: header.name, value: header.value },
    appendAction,
  });
  return [
    ...set.map(option(HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...add.map(option(HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}
