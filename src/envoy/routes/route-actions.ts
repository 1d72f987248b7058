// What a route does with a request → Envoy's actions.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RouteActionSchema,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { RouteAction, RouteView, WeightedCluster } from "#compile/views.ts";
import type { DirectResponse, Rewrite } from "#model/route.ts";
import { answerWith } from "../filters/fault.ts";
import { authorityHeader } from "../filters/on-demand.ts";
import { sessions } from "../filters/stateful-session.ts";
import { duration } from "../messages.ts";
import { blackHoleCluster, clusterName, passthroughCluster } from "../names.ts";
import { hashPolicy } from "./hash-policies.ts";
import { headerChanges } from "./header-changes.ts";
import { mirrorPolicy } from "./mirrors.ts";
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
      action.kind !== "forward"
        ? { ...shared, clusterSpecifier: { case: "cluster", value: othersClusters[action.kind] } }
        : {
            ...shared,
            ...forwarding(action, cookiePath(match)),
            ...retryPolicy(action),
            ...(action.hashBy === undefined ? {} : { hashPolicy: action.hashBy.map(hashPolicy) }),
            requestMirrorPolicies: (action.mirrors ?? []).map(mirrorPolicy),
          },
  };
}

const othersClusters = { passthrough: passthroughCluster, refuse: blackHoleCluster } as const;

function bodyOf({ body, encoding }: DirectResponse) {
  return encoding === undefined
    ? { case: "inlineString" as const, value: body }
    : { case: "inlineBytes" as const, value: Buffer.from(body, encoding) };
}

type Forward = Extract<RouteAction, { kind: "forward" }>;

/**
 * The Host and the path that backends see, and the backends. Envoy changes the Host for the route after it has done so
 * for the backend: where a backend has its own, the route must have none.
 */
function forwarding(action: Forward, path: string) {
  const { rewrite, destinations } = action;
  const hostname = rewrite?.hostname;
  if (!destinations.some((destination) => destination.hostname !== undefined)) {
    return { ...rewriteOf(rewrite), clusterSpecifier: clusterSpecifier(action, path) };
  }
  const named = hostname === undefined ? destinations : destinations.map((each) => ({ hostname, ...each }));
  return {
    ...pathRewrite(rewrite?.path),
    clusterSpecifier: clusterSpecifier({ ...action, destinations: named }, path),
  };
}

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
function hasOwn({ hostname, request, response, sessionPersistence }: WeightedCluster): boolean {
  return (
    hostname !== undefined ||
    sessionPersistence !== undefined ||
    [request, response].some(({ set, add, remove }) => set.length + add.length + remove.length > 0)
  );
}

function clusterWeight(
  destination: WeightedCluster,
  unusableStatus: number,
  path: string,
): MessageInitShape<typeof WeightedCluster_ClusterWeightSchema> {
  const { hostname, sessionPersistence } = destination;
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
    typedPerFilterConfig: {
      ...(destination.cluster === undefined ? answerWith(unusableStatus) : {}),
      ...(sessionPersistence === undefined ? {} : sessions(sessionPersistence, path)),
    },
  };
}
