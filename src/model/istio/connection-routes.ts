import type { ConnectionDestination, ConnectionMatch, ConnectionRoute } from "../connection-route.ts";
import { gatewayKey } from "./gateway-names.ts";
import type { ResolveDestination } from "./resolve-destination.ts";
import { routeSource } from "./route-matches.ts";
import type { RoutePlace } from "./routes.ts";
import type {
  IstioRouteDestination,
  IstioTcpMatch,
  IstioTlsMatch,
  VirtualService,
} from "./virtual-service.ts";
import { weightFaults } from "./weights.ts";

/**
 * API object → domain type: the rules for connections at a place, those by SNI first.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#TCPRoute
 */
export function connectionRoutesOfVirtualService(
  virtualService: VirtualService,
  place: RoutePlace,
  resolve: ResolveDestination,
): readonly ConnectionRoute[] {
  const { tls = [], tcp = [] } = virtualService.spec;
  const rules = (field: "tls" | "tcp", { route, match }: Rule, index: number) =>
    (match === undefined || match.length === 0 ? [undefined] : match).flatMap((each, at) => {
      if (each !== undefined && !isFor(each, place, virtualService)) return [];
      const where = `spec.${field}[${index}]${each === undefined ? "" : `.match[${at}]`}`;
      return [routeOf(virtualService, each, route ?? [], where, resolve)];
    });
  return [
    ...tls.flatMap((rule, index) => rules("tls", rule, index)),
    ...tcp.flatMap((rule, index) => rules("tcp", rule, index)),
  ];
}

type Match = IstioTcpMatch | IstioTlsMatch;

interface Rule {
  readonly match?: readonly Match[];
  readonly route?: readonly IstioRouteDestination[];
}

function isFor(match: Match, place: RoutePlace, { metadata }: VirtualService): boolean {
  const { port, gateways = [] } = match;
  const keys = gateways.map((name) => gatewayKey(name, metadata.namespace ?? "default"));
  return (
    (port === undefined || port === 0 || port === place.port) &&
    (keys.length === 0 || keys.some((key) => place.gateways.includes(key)))
  );
}

function routeOf(
  { metadata }: VirtualService,
  match: Match | undefined,
  route: readonly IstioRouteDestination[],
  field: string,
  resolve: ResolveDestination,
): ConnectionRoute {
  const { namespace = "default", name } = metadata;
  return {
    match: match === undefined ? {} : connectionMatch(match),
    destinations: destinationsOf(route, namespace, resolve),
    origin: { kind: "VirtualService", namespace, name, field },
  };
}

function connectionMatch(match: Match): ConnectionMatch {
  const { destinationSubnets = [] } = match;
  const source = routeSource(match);
  return {
    ...("sniHosts" in match ? { serverNames: match.sniHosts } : {}),
    ...(destinationSubnets.length === 0 ? {} : { destinationRanges: destinationSubnets }),
    ...(source === undefined ? {} : { source }),
  };
}

/** A single destination needs no weight: it gets everything. With weights that cannot be connections are refused. */
function destinationsOf(
  route: readonly IstioRouteDestination[],
  namespace: string,
  resolve: ResolveDestination,
): readonly ConnectionDestination[] {
  if (weightFaults(route).length > 0) return [];
  return route.map(({ destination, weight }) => ({
    service: resolve(destination, namespace),
    ...(destination.subset === undefined ? {} : { subset: destination.subset }),
    weight: route.length === 1 ? 1 : (weight ?? 0),
  }));
}
