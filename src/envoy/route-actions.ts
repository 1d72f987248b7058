// What a route does with a request → Envoy's actions.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RouteAction, RouteView, WeightedCluster } from "#compile/views.ts";
import type { Rewrite } from "#model/route.ts";
import { answerWith } from "./filters/fault.ts";
import { sessions } from "./filters/stateful-session.ts";
import { headerChanges } from "./header-changes.ts";
import { duration } from "./messages.ts";
import { mirrorPolicy } from "./mirrors.ts";
import { blackHoleCluster, clusterName, passthroughCluster } from "./names.ts";
import { pathRewrite } from "./path-changes.ts";
import { redirectAction } from "./redirects.ts";
import { retries } from "./retries.ts";
import { cookiePath } from "./route-filters.ts";

/** How the Host that a backend sees is made. */
export type HostRewrite = Exclude<
  MessageInitShape<typeof RouteActionSchema>["hostRewriteSpecifier"],
  undefined
>;

/** `hostRewrite`: what becomes of the Host where the route says nothing. */
export function routeAction(
  { action, match }: RouteView,
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
      action.kind !== "forward"
        ? { ...shared, clusterSpecifier: { case: "cluster", value: othersClusters[action.kind] } }
        : {
            ...shared,
            ...rewriteOf(action.rewrite),
            clusterSpecifier: clusterSpecifier(action, cookiePath(match.path)),
            ...retryPolicy(action),
            requestMirrorPolicies: (action.mirrors ?? []).map(mirrorPolicy),
          },
  };
}

const othersClusters = { passthrough: passthroughCluster, refuse: blackHoleCluster } as const;
type Forward = Extract<RouteAction, { kind: "forward" }>;

function retryPolicy({ retries: policy, attemptTimeoutMs }: Forward) {
  const found = retries(policy, attemptTimeoutMs);
  return found === undefined ? {} : { retryPolicy: found };
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
  { destinations, unusableStatus }: Forward,
  path: string,
): NonNullable<MessageInitShape<typeof RouteActionSchema>["clusterSpecifier"]> {
  const [only] = destinations;
  if (destinations.length === 1 && only?.cluster !== undefined && !hasOwn(only)) {
    return { case: "cluster", value: clusterName(only.cluster) };
  }
  return {
    case: "weightedClusters",
    value: { clusters: destinations.map((each) => clusterWeight(each, unusableStatus, path)) },
  };
}

/** Whether something is said of a destination that a route with one alone has no place for. */
function hasOwn({ request, response, sessionPersistence }: WeightedCluster): boolean {
  return (
    sessionPersistence !== undefined ||
    [request, response].some(({ set, add, remove }) => set.length + add.length + remove.length > 0)
  );
}

function clusterWeight(
  destination: WeightedCluster,
  unusableStatus: number,
  path: string,
): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  const { sessionPersistence } = destination;
  return {
    name: destination.cluster === undefined ? blackHoleCluster : clusterName(destination.cluster),
    weight: destination.weight,
    ...headerChanges(destination.request, destination.response),
    typedPerFilterConfig: {
      ...(destination.cluster === undefined ? answerWith(unusableStatus) : {}),
      ...(sessionPersistence === undefined ? {} : sessions(sessionPersistence, path)),
    },
  };
}
