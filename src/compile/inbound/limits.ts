// Which limits are enforced where: those of Services and of their routes by the sidecars of the pods that serve the
// requests, those of Gateways and of their routes by the gateways.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import { concurrencyLimit, requestLimits } from "#model/heddle/limits.ts";
import { type ObjectReference, referenceOf } from "#model/reference.ts";
import type { Route } from "#model/route.ts";
import type { MeshService, MeshServicePort } from "#model/service.ts";
import type { LimitScope, PortLimits, RateLimitView } from "../listener-views.ts";
import type { GatewayRoute } from "../routing/attachments.ts";
import { byAge } from "../routing/by-age.ts";
import { type GatewayServer, keyOfGateway } from "../routing/istio-servers.ts";
import { policiesOn } from "../routing/policy-targets.ts";
import type { RoutingInputs } from "../routing/routing-inputs.ts";
import type { RouteScopes } from "../views.ts";

/** A port of a Service that some port of a pod is behind. */
export interface ServedPort {
  readonly service: MeshService;
  readonly port: MeshServicePort;
}

/** What is enforced at a port of a pod, whichever of the Services before it a request was for. */
export function portLimits(inputs: RoutingInputs, fetch: Fetch, served: readonly ServedPort[]): PortLimits {
  const services = served.filter(({ service }) => service.kind === "Service");
  const rateLimits = services.flatMap((each) => [
    ...serviceLimits(inputs, fetch, each),
    ...backendLimits(inputs, fetch, each),
  ]);
  const concurrency = concurrencyPolicy(inputs, fetch, services);
  return {
    rateLimits: onceEach(rateLimits),
    ...(concurrency === undefined ? {} : { concurrency: concurrencyLimit(concurrency) }),
  };
}

function serviceLimits(inputs: RoutingInputs, fetch: Fetch, served: ServedPort): readonly RateLimitView[] {
  const target = { kind: "Service", namespace: served.service.namespace, name: served.service.name };
  return [...policiesOn(inputs.rateLimitsByTarget, fetch, target)]
    .filter(([section]) => section === "" || section === served.port.name)
    .map(([, policy]) => requestLimits(policy));
}

/** Those of the routes of Services that lead here. */
function backendLimits(
  inputs: RoutingInputs,
  fetch: Fetch,
  { service, port }: ServedPort,
): readonly RateLimitView[] {
  const key = `${service.namespace}/${service.name}:${port.port}`;
  const routes: readonly GatewayRoute[] = [
    ...fetch.by(inputs.httpRoutesByBackend, key),
    ...fetch.by(inputs.grpcRoutesByBackend, key),
  ];
  return [...routes].sort(byAge).flatMap((route) => limitsOfRoute(inputs, fetch, referenceOf(route)));
}

/** One policy for a port of a pod: the one for the port before the one for the whole Service, then the oldest. */
function concurrencyPolicy(
  inputs: RoutingInputs,
  fetch: Fetch,
  served: readonly ServedPort[],
): AdaptiveConcurrency | undefined {
  const candidates = served.map(({ service, port }) => {
    const target = { kind: "Service", namespace: service.namespace, name: service.name };
    const policies = policiesOn(inputs.adaptiveConcurrenciesByTarget, fetch, target);
    return { ofPort: policies.get(port.name), ofWhole: policies.get("") };
  });
  const oldest = (policies: readonly (AdaptiveConcurrency | undefined)[]) =>
    policies.filter((policy) => policy !== undefined).sort(byAge)[0];
  return oldest(candidates.map(({ ofPort }) => ofPort)) ?? oldest(candidates.map(({ ofWhole }) => ofWhole));
}

/** The limits of a route and of its rules; what a policy has for several of them counts apart. */
function limitsOfRoute(
  inputs: RoutingInputs,
  fetch: Fetch,
  route: ObjectReference,
): readonly RateLimitView[] {
  return [...policiesOn(inputs.rateLimitsByTarget, fetch, route)].map(([section, policy]) => ({
    ...requestLimits(policy),
    scope:
      section === ""
        ? { kind: "route", value: routeValue(route) }
        : { kind: "rule", value: `${routeValue(route)}/${section}` },
  }));
}

/** What a proxy must be told of a route so that its limits are enforced; undefined where it has none. */
export function routeScopes(inputs: RoutingInputs, fetch: Fetch, route: Route): RouteScopes | undefined {
  const { kind } = route.origin;
  if (kind !== "HTTPRoute" && kind !== "GRPCRoute") return undefined;
  if (policiesOn(inputs.rateLimitsByTarget, fetch, route.origin).size === 0) return undefined;
  return { route: routeValue(route.origin), rule: `${kind}/${route.name}` };
}

function routeValue({ kind, namespace, name }: ObjectReference): string {
  return `${kind}/${namespace}/${name}`;
}

/** What a gateway enforces at one of its ports, for the routes that it serves there. */
export function gatewayLimits(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  port: number,
  routes: readonly GatewayRoute[],
): readonly RateLimitView[] {
  const own = policiesOn(inputs.rateLimitsByTarget, fetch, referenceOf(gateway));
  const here = gateway.spec.listeners.filter((listener) => listener.port === port).map(({ name }) => name);
  const ofGateway = [...own]
    .filter(([section]) => section === "" || here.includes(section))
    .map(([section, policy]): RateLimitView => {
      const scope: LimitScope = { kind: "listener", value: section };
      return { ...requestLimits(policy), ...(section === "" ? {} : { scope }) };
    });
  const ofRoutes = [...routes]
    .sort(byAge)
    .flatMap((route) => limitsOfRoute(inputs, fetch, referenceOf(route)));
  return onceEach([...ofGateway, ...ofRoutes]);
}

/** What the pods of Istio's Gateways enforce at a port for the servers that they have there, each for its own requests. */
export function serverLimits(
  inputs: RoutingInputs,
  fetch: Fetch,
  servers: readonly GatewayServer[],
): readonly RateLimitView[] {
  const found = servers.flatMap(({ gateway, server }) =>
    [...policiesOn(inputs.rateLimitsByTarget, fetch, referenceOf(gateway))].flatMap(
      ([section, policy]): readonly RateLimitView[] => {
        if (section !== "" && section !== server.name) return [];
        const { gateway: value, listener } = serverScopes({ gateway, server });
        const scope: LimitScope =
          section === "" ? { kind: "gateway", value } : { kind: "listener", value: listener };
        return [{ ...requestLimits(policy), scope }];
      },
    ),
  );
  return onceEach(found);
}

/** What the requests to a server of one of Istio's Gateways are called in the scopes of limits. */
export function serverScopes({ gateway, server }: GatewayServer) {
  const key = keyOfGateway(gateway);
  return { gateway: key, listener: `${key}/${server.name ?? ""}` };
}

/** A policy counts a request once, also where it is for a Service and for its port. */
function onceEach(views: readonly RateLimitView[]): readonly RateLimitView[] {
  const keyOf = ({ origin, scope }: RateLimitView) =>
    `${origin.namespace}/${origin.name} ${scope?.kind} ${scope?.value}`;
  return [...new Map(views.map((view) => [keyOf(view), view])).values()];
}
