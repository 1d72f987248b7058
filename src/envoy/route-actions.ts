// What a route does with a request → Envoy's actions.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RouteView, WeightedCluster } from "#compile/views.ts";
import type { DirectResponse, Rewrite } from "#model/route.ts";
import { answerWith } from "./filters/fault.ts";
import { authorityHeader } from "./filters/on-demand.ts";
import { headerChanges } from "./header-changes.ts";
import { duration } from "./messages.ts";
import { blackHoleCluster, clusterName, passthroughCluster } from "./names.ts";
import { pathRewrite } from "./path-changes.ts";
import { redirectAction } from "./redirects.ts";
import { safeRetries } from "./retries.ts";

type ForwardAction = Extract<RouteView["action"], { kind: "forward" }>;

/** How the Host that a backend sees is made. */
export type HostRewrite = Exclude<
  MessageInitShape<typeof RouteActionSchema>["hostRewriteSpecifier"],
  undefined
>;

/** `hostRewrite`: what becomes of the Host where the route says nothing. */
export function routeAction(
  { action }: RouteView,
  hostRewrite: HostRewrite | undefined,
): NonNullable<MessageInitShape<typeof RouteSchema>["action"]> {
  if (action.kind === "respond") {
    return {
      case: "directResponse",
      value: { status: action.status, body: { specifier: bodyOf(action) } },
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
            ...forwarding(action),
            retryPolicy: safeRetries(action.attemptTimeoutMs),
          },
  };
}

function bodyOf({ body, encoding }: DirectResponse) {
  return encoding === undefined
    ? { case: "inlineString" as const, value: body }
    : { case: "inlineBytes" as const, value: Buffer.from(body, encoding) };
}

/**
 * The Host and the path that backends see, and the backends. Envoy changes the Host for the route after it has done so
 * for the backend: where a backend has its own, the route must have none.
 */
function forwarding(action: ForwardAction) {
  const { rewrite, unusableStatus } = action;
  const hostname = rewrite?.hostname;
  if (!action.destinations.some((destination) => destination.hostname !== undefined)) {
    return { ...rewriteOf(rewrite), clusterSpecifier: clusterSpecifier(action.destinations, unusableStatus) };
  }
  const destinations =
    hostname === undefined ? action.destinations : action.destinations.map((each) => ({ hostname, ...each }));
  return {
    ...pathRewrite(rewrite?.path),
    clusterSpecifier: clusterSpecifier(destinations, unusableStatus),
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

function changesHeaders({ hostname, request, response }: WeightedCluster): boolean {
  if (hostname !== undefined) return true;
  return [request, response].some(({ set, add, remove }) => set.length + add.length + remove.length > 0);
}

function clusterWeight(
  destination: WeightedCluster,
  unusableStatus: number,
): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  const { hostname } = destination;
  // What the route would put in the place of the Host goes, or it would be put there after this.
  const request =
    hostname === undefined
      ? destination.request
      : { ...destination.request, remove: [...destination.request.remove, authorityHeader] };
  return {
    name: destination.cluster === undefined ? blackHoleCluster : clusterName(destination.cluster),
    weight: destination.weight,
    ...headerChanges(request, destination.response),
    ...(hostname === undefined
      ? {}
      : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: hostname } }),
    ...(destination.cluster === undefined ? { typedPerFilterConfig: answerWith(unusableStatus) } : {}),
  };
}
