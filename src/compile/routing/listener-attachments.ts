// Which listeners of Gateways a parent of a route means, or why it means none, and which routes a listener serves.
import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import {
  gatewayApiGroup,
  isGatewayParent,
  type ParentReference,
  parentKey,
} from "#model/gateway-api/references.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import { isSelected } from "#model/object.ts";
import { intersection } from "../services/hostnames.ts";
import { listed } from "../services/listed.ts";
import { type GatewayRoute, isForRequests, type Refusal, refused } from "./attachments.ts";
import { byAge } from "./by-age.ts";
import { type Listener, listenerFault, routeKindsOf } from "./listeners.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/** Those that a listener may serve. */
export type ListenerRoute = GatewayRoute | TcpRoute;

/** The listeners of a Gateway that a parent of a route means and that take the route. */
export function attachedListeners(
  inputs: RoutingInputs,
  fetch: Fetch,
  parent: ParentReference,
  gateway: Gateway,
  route: ListenerRoute,
): Refusal | { readonly kind: "listeners"; readonly listeners: readonly Listener[] } {
  const key = keyOf(gateway);
  const meant = meantListeners(parent, gateway);
  if (meant.kind === "refused") return meant;
  const namespace = route.metadata.namespace ?? "default";
  const labels = labelsOf(namespace, fetch.get(inputs.namespaces, namespace));
  const open = meant.listeners.filter((listener) => takesNamespace(gateway, listener, namespace, labels));
  if (open.length === 0) {
    const bySelector = meant.listeners.some(
      ({ allowedRoutes }) => allowedRoutes?.namespaces?.from === "Selector",
    );
    const remedy = bySelector
      ? "give the namespace the labels that allowedRoutes.namespaces.selector of its listener asks for"
      : "set allowedRoutes.namespaces.from of its listener to All";
    const message = `Gateway ${key} takes no routes of namespace ${namespace}; ${remedy}`;
    return refused("NotAllowedByListeners", "", message);
  }
  const speaking = open.filter((listener) => routeKindsOf(listener).includes(route.kind));
  if (speaking.length === 0) {
    const protocol = isForRequests(route) ? "HTTP" : "TCP";
    const message = `no listener of Gateway ${key} that is meant has a ${route.kind}; name one with protocol ${protocol}`;
    return refused("NotAllowedByListeners", "", message);
  }
  const fitting = speaking.filter((listener) => takesKind(listener, route.kind));
  if (fitting.length === 0) {
    const message = `Gateway ${key} takes no ${route.kind}; add the kind to allowedRoutes.kinds of its listener`;
    return refused("NotAllowedByListeners", "", message);
  }
  // Connections have no name by which they would be told apart.
  if (!isForRequests(route)) return { kind: "listeners", listeners: fitting };
  const hosting = fitting.filter((listener) => hostnamesOf(listener, route).length > 0);
  if (hosting.length > 0) return { kind: "listeners", listeners: hosting };
  const message = `no hostname of the route fits a listener of Gateway ${key}; correct spec.hostnames`;
  return refused("NoMatchingListenerHostname", "", message);
}

function meantListeners(
  { sectionName, port: wanted }: ParentReference,
  gateway: Gateway,
): Refusal | { readonly kind: "listeners"; readonly listeners: readonly Listener[] } {
  const { listeners } = gateway.spec;
  const named = listeners.filter(({ name }) => sectionName === undefined || name === sectionName);
  if (named.length === 0) {
    const names = listed(listeners.map(({ name }) => name));
    const message = `Gateway ${keyOf(gateway)} has no listener ${sectionName}; its listeners are ${names}`;
    return refused("NoMatchingParent", "sectionName", message);
  }
  const meant = named.filter(({ port }) => wanted === undefined || port === wanted);
  if (meant.length > 0) return { kind: "listeners", listeners: meant };
  const ports = listed(listeners.map(({ port }) => port));
  const message = `Gateway ${keyOf(gateway)} has no listener on port ${wanted}; its ports are ${ports}`;
  return refused("NoMatchingParent", "port", message);
}

function keyOf({ metadata }: Gateway): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}

type Labels = Readonly<Record<string, string>>;

/** With the label that every API server gives a namespace. */
function labelsOf(name: string, namespace: Namespace | undefined): Labels {
  return { ...namespace?.metadata.labels, "kubernetes.io/metadata.name": name };
}

function takesNamespace(gateway: Gateway, listener: Listener, namespace: string, labels: Labels): boolean {
  const { from = "Same", selector } = listener.allowedRoutes?.namespaces ?? {};
  switch (from) {
    case "All":
      return true;
    case "Same":
      return namespace === (gateway.metadata.namespace ?? "default");
    case "Selector":
      return selector !== undefined && isSelected(labels, selector);
    default:
      return false;
  }
}

function takesKind({ allowedRoutes }: Listener, kind: string): boolean {
  const kinds = allowedRoutes?.kinds ?? [];
  return (
    kinds.length === 0 ||
    kinds.some((allowed) => allowed.kind === kind && (allowed.group ?? gatewayApiGroup) === gatewayApiGroup)
  );
}

/** The hostnames under which a listener serves a route; `*` for any. */
export function hostnamesOf(listener: Listener, route: GatewayRoute): readonly string[] {
  const own = route.spec.hostnames ?? [];
  const outer = listener.hostname === undefined || listener.hostname === "" ? "*" : listener.hostname;
  const common = (own.length === 0 ? ["*"] : own).flatMap((host) => intersection(host, outer) ?? []);
  return [...new Set(common)];
}

/**
 * The routes that a listener serves, of all that are attached to it: where HTTPRoutes and GRPCRoutes want one hostname,
 * the oldest decides which kind stays. https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutespec
 */
export function servedRoutes(listener: Listener, attached: readonly GatewayRoute[]): readonly GatewayRoute[] {
  const served: GatewayRoute[] = [];
  for (const route of [...attached].sort(byAge)) {
    if (rivalOf(listener, route, served) === undefined) served.push(route);
  }
  return served;
}

/** The route that has the requests or the connections to a listener in the place of this one. */
export function rivalOnListener(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
  route: ListenerRoute,
): ListenerRoute | undefined {
  const served = routesServedBy(inputs, fetch, gateway, listener);
  return isForRequests(route)
    ? rivalOf(listener, route, served.filter(isForRequests))
    : served.find((other) => other !== route);
}

/** Of some routes the one of another kind with a hostname of this route. */
function rivalOf(
  listener: Listener,
  route: GatewayRoute,
  others: readonly GatewayRoute[],
): GatewayRoute | undefined {
  const hosts = hostnamesOf(listener, route);
  return others.find(
    (other) =>
      other.kind !== route.kind &&
      hostnamesOf(listener, other).some((host) => hosts.some((own) => intersection(own, host) !== undefined)),
  );
}

/** All routes that have effect on a listener. */
export function routesServedBy(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
): readonly ListenerRoute[] {
  return listener.protocol === "TCP"
    ? tcpRoutesOnListener(inputs, fetch, gateway, listener).slice(0, 1)
    : servedRoutes(listener, routesOnListener(inputs, fetch, gateway, listener));
}

/** The routes for requests that some parent attaches to a listener of a Gateway. */
export function routesOnListener(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
): readonly GatewayRoute[] {
  const key = keyOf(gateway);
  const candidates: readonly GatewayRoute[] = [
    ...fetch.by(inputs.httpRoutesByGateway, key),
    ...fetch.by(inputs.grpcRoutesByGateway, key),
  ];
  return candidates.filter((route) => isOnListener(inputs, fetch, route, gateway, listener));
}

/** The same for connections: the oldest alone says where they go. */
export function tcpRoutesOnListener(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
): readonly TcpRoute[] {
  return fetch
    .by(inputs.tcpRoutesByGateway, keyOf(gateway))
    .filter((route) => isOnListener(inputs, fetch, route, gateway, listener))
    .sort(byAge);
}

function isOnListener(
  inputs: RoutingInputs,
  fetch: Fetch,
  route: ListenerRoute,
  gateway: Gateway,
  listener: Listener,
): boolean {
  if (listenerFault(gateway, listener) !== undefined) return false;
  return (route.spec.parentRefs ?? []).some((parent) => {
    const key = parentKey(parent, route.metadata.namespace ?? "default");
    if (!isGatewayParent(parent) || key !== keyOf(gateway)) return false;
    const attached = attachedListeners(inputs, fetch, parent, gateway, route);
    return attached.kind === "listeners" && attached.listeners.some(({ name }) => name === listener.name);
  });
}
