// HTTPRoutes and VirtualServices → the ordered routes of each service port, for everybody or for one client namespace.
import type { Collection, Fetch, Index } from "#collections/graph.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import { routesOfHttpRoute } from "#model/gateway-api/routes.ts";
import { routesOfVirtualService } from "#model/istio/routes.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import { objectKey } from "#model/reference.ts";
import type { PathMatcher, Route, RouteMatch } from "#model/route.ts";
import type { MeshService } from "#model/service.ts";
import { serviceKeyOfHost, servicePortKey } from "./services.ts";

/** The routes of one service port; `client` is the one namespace that they are for, or "" for all. */
export interface PortRoutes {
  readonly client: string;
  readonly routes: readonly Route[];
}

/** What routes are made of. */
export interface RouteInputs {
  readonly services: Collection<MeshService>;
  readonly httpRoutes: Index<HttpRoute>;
  readonly virtualServices: Index<VirtualService>;
}

/** The key of the routes of a service port for clients of a namespace. */
export function routesKey(service: MeshService, port: number, client: string): string {
  return `${servicePortKey({ ...service, port })}@${client}`;
}

/** The keys of the Services that an HTTPRoute is attached to. */
export function parentServices(route: HttpRoute): readonly string[] {
  const own = route.metadata.namespace ?? "default";
  return (route.spec.parentRefs ?? [])
    .filter((parent) => parent.kind === "Service" && (parent.group ?? "") === "")
    .map((parent) => `${parent.namespace ?? own}/${parent.name}`);
}

/** The keys of the services whose traffic inside the mesh a VirtualService describes. */
export function servicesOfVirtualService(virtualService: VirtualService): readonly string[] {
  const { gateways, hosts } = virtualService.spec;
  if (gateways !== undefined && gateways.length > 0 && !gateways.includes("mesh")) return [];
  const namespace = virtualService.metadata.namespace ?? "default";
  return (hosts ?? []).flatMap((host) => serviceKeyOfHost(host, namespace) ?? []);
}

/**
 * All routes of a service, a list per port and audience. Routes of the service's own namespace are for all clients;
 * those of another namespace are for the clients there, and go before (GAMMA, producer and consumer routes).
 * Where an HTTPRoute is attached, VirtualServices for the host have no effect.
 */
export function routesOfService(
  service: MeshService,
  inputs: RouteInputs,
  fetch: Fetch,
): readonly (readonly [string, PortRoutes])[] {
  const key = `${service.namespace}/${service.name}`;
  const attached = fetch.by(inputs.httpRoutes, key);
  const exists = (namespace: string, name: string, port: number) =>
    fetch.get(inputs.services, `${namespace}/${name}`)?.ports.some((p) => p.port === port) === true;
  const clients = new Set(
    attached.map((route) => (namespaceOf(route) === service.namespace ? "" : namespaceOf(route))),
  );
  const found: (readonly [string, PortRoutes])[] = [];
  for (const { port } of service.ports) {
    for (const client of clients) {
      const own = attached.filter(
        (route) =>
          namespaceOf(route) === (client === "" ? service.namespace : client) && attaches(route, key, port),
      );
      if (own.length === 0) continue;
      const routes = bySpecificity(own.sort(byAge).flatMap((route) => routesOfHttpRoute(route, exists)));
      found.push([routesKey(service, port, client), { client, routes }]);
    }
    if (clients.has("")) continue;
    const oldest = fetch.by(inputs.virtualServices, key).slice().sort(byAge)[0];
    const routes = oldest === undefined ? [] : virtualServiceRoutes(oldest, port, inputs, fetch);
    if (routes.length > 0) found.push([routesKey(service, port, ""), { client: "", routes }]);
  }
  return found;
}

function attaches(route: HttpRoute, serviceKey: string, port: number): boolean {
  return (route.spec.parentRefs ?? []).some(
    (parent) =>
      parent.kind === "Service" &&
      `${parent.namespace ?? namespaceOf(route)}/${parent.name}` === serviceKey &&
      (parent.port === undefined || parent.port === port),
  );
}

function virtualServiceRoutes(
  virtualService: VirtualService,
  port: number,
  inputs: RouteInputs,
  fetch: Fetch,
): readonly Route[] {
  return routesOfVirtualService(virtualService, port, (destination, namespace) => {
    const key = serviceKeyOfHost(destination.host, namespace);
    const service = key === undefined ? undefined : fetch.get(inputs.services, key);
    const wanted = destination.port?.number ?? (service?.ports.length === 1 ? service.ports[0]?.port : port);
    return service?.ports.some((candidate) => candidate.port === wanted) === true && wanted !== undefined
      ? { namespace: service.namespace, name: service.name, port: wanted }
      : undefined;
  });
}

function namespaceOf(object: KubernetesObject): string {
  return object.metadata.namespace ?? "default";
}

/** Gateway API's order among objects: the oldest, then by name. */
export function byAge(a: KubernetesObject, b: KubernetesObject): number {
  const created = (object: KubernetesObject) => object.metadata.creationTimestamp ?? "";
  return created(a).localeCompare(created(b)) || objectKey(a.metadata).localeCompare(objectKey(b.metadata));
}

/**
 * Gateway API's order among matches: exact paths, then regular expressions, then the longest prefix, then a method,
 * then the number of headers, then that of query parameters; ties keep the order of the objects.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function bySpecificity(routes: readonly Route[]): readonly Route[] {
  return routes
    .map((route, index) => ({ route, index, rank: rankOf(route.match) }))
    .sort((a, b) => compareRanks(b.rank, a.rank) || a.index - b.index)
    .map(({ route }) => route);
}

function rankOf(match: RouteMatch): readonly number[] {
  return [
    ...pathRank(match.path),
    match.method === undefined ? 0 : 1,
    match.headers.length,
    match.queryParameters.length,
  ];
}

function pathRank(path: PathMatcher | undefined): readonly [number, number] {
  if (path === undefined) return [0, 0];
  return [path.kind === "exact" ? 2 : path.kind === "regex" ? 1 : 0, path.value.length];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}
