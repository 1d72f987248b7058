// Which ports of Services and which listeners of Gateways a parent of a route means, or why it means none.

import type { Fetch } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import {
  gatewayApiGroup,
  isGatewayParent,
  isServiceParent,
  type ParentReference,
  parentKey,
  parentObject,
} from "#model/gateway-api/references.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { TlsRoute } from "#model/gateway-api/tls-route.ts";
import { coversHost } from "#model/host-pattern.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import { isSelected } from "#model/kubernetes/object.ts";
import type { MeshService } from "#model/service.ts";
import { byAge } from "./by-age.ts";
import { listed } from "./listed.ts";
import { type Listener, listenerFault } from "./listeners.ts";
import type { RoutingInputs } from "./routing-inputs.ts";
import { objectOfService } from "./services.ts";

export type GatewayRoute = HttpRoute | GrpcRoute;

/** Those that say where connections go. */
export type ConnectionRouteObject = TcpRoute | TlsRoute;

export type AnyRoute = GatewayRoute | ConnectionRouteObject;

/** Whether a route says where requests go; else it says so of connections. */
export function isForRequests(route: AnyRoute): route is GatewayRoute {
  return route.kind === "HTTPRoute" || route.kind === "GRPCRoute";
}

/** Why a parent takes no route; the message says what to do. */
export interface Refusal {
  readonly kind: "refused";
  readonly reason: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname" | "Conflicted";
  /** The part of the parent that is wrong; empty where it is the whole. */
  readonly field: string;
  readonly message: string;
}

function refused(reason: Refusal["reason"], field: string, message: string): Refusal {
  return { kind: "refused", reason, field, message };
}

/** The ports of a Service that a parent of a route means. */
export function attachedPorts(
  parent: ParentReference,
  service: MeshService,
): Refusal | { readonly kind: "ports"; readonly ports: readonly number[] } {
  const { port, sectionName } = parent;
  const own = service.ports.map((candidate) => candidate.port);
  const object = objectOfService(service);
  if (port !== undefined && !own.includes(port)) {
    const message = `${object} has no port ${port}; its ports are ${listed(own)}`;
    return refused("NoMatchingParent", "port", message);
  }
  const ports = service.ports
    .filter(({ name }) => sectionName === undefined || name === sectionName)
    .filter((candidate) => port === undefined || candidate.port === port);
  if (ports.length > 0 || sectionName === undefined) {
    return { kind: "ports", ports: ports.map((candidate) => candidate.port) };
  }
  const names = service.ports.map(
    ({ name, port: number }) => `${name === "" ? "unnamed" : name} (${number})`,
  );
  const message = `${object} has no such port named ${sectionName}; its ports are ${listed(names)}`;
  return refused("NoMatchingParent", "sectionName", message);
}

/** The listeners of a Gateway that a parent of a route means and that take the route. */
export function attachedListeners(
  inputs: RoutingInputs,
  fetch: Fetch,
  parent: ParentReference,
  gateway: Gateway,
  route: GatewayRoute,
): Refusal | { readonly kind: "listeners"; readonly listeners: readonly Listener[] } {
  const { listeners } = gateway.spec;
  const key = `${gateway.metadata.namespace ?? "default"}/${gateway.metadata.name}`;
  const namespace = route.metadata.namespace ?? "default";
  const named = listeners.filter(
    ({ name }) => parent.sectionName === undefined || name === parent.sectionName,
  );
  if (named.length === 0) {
    const names = listed(listeners.map(({ name }) => name));
    const message = `Gateway ${key} has no listener ${parent.sectionName}; its listeners are ${names}`;
    return refused("NoMatchingParent", "sectionName", message);
  }
  const meant = named.filter(({ port }) => parent.port === undefined || port === parent.port);
  if (meant.length === 0) {
    const ports = listed(listeners.map(({ port }) => port));
    const message = `Gateway ${key} has no listener on port ${parent.port}; its ports are ${ports}`;
    return refused("NoMatchingParent", "port", message);
  }
  const labels = labelsOf(namespace, fetch.get(inputs.namespaces, namespace));
  const open = meant.filter((listener) => takesNamespace(gateway, listener, namespace, labels));
  if (open.length === 0) {
    const bySelector = meant.some(({ allowedRoutes }) => allowedRoutes?.namespaces?.from === "Selector");
    const remedy = bySelector
      ? "give the namespace the labels that allowedRoutes.namespaces.selector of its listener asks for"
      : "set allowedRoutes.namespaces.from of its listener to All";
    const message = `Gateway ${key} takes no routes of namespace ${namespace}; ${remedy}`;
    return refused("NotAllowedByListeners", "", message);
  }
  const fitting = open.filter((listener) => takesKind(listener, route.kind));
  if (fitting.length === 0) {
    const message = `Gateway ${key} takes no ${route.kind}; add the kind to allowedRoutes.kinds of its listener`;
    return refused("NotAllowedByListeners", "", message);
  }
  const hosting = fitting.filter((listener) => hostnamesOf(listener, route).length > 0);
  if (hosting.length > 0) return { kind: "listeners", listeners: hosting };
  const message = `no hostname of the route fits a listener of Gateway ${key}; correct spec.hostnames`;
  return refused("NoMatchingListenerHostname", "", message);
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

/** The hostnames that both mean: the narrower of the two, or none. */
export function intersection(a: string, b: string): string | undefined {
  if (coversHost(a, b)) return b;
  return coversHost(b, a) ? a : undefined;
}

/** The most specific kind first: of several on one port it alone applies. */
const bySpecificity = ["GRPCRoute", "HTTPRoute", "TLSRoute", "TCPRoute"];

/** The routes of all kinds that have a Service for a parent, the most specific kind first. */
export function attachedRoutes(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
): readonly AnyRoute[] {
  const object = objectOfService(service);
  return [
    ...fetch.by(inputs.grpcRoutesByService, object),
    ...fetch.by(inputs.httpRoutesByService, object),
    ...fetch.by(inputs.tlsRoutesByService, object),
    ...fetch.by(inputs.tcpRoutesByService, object),
  ];
}

/**
 * The route that takes a Service's port from one of another type, for the same clients: of several types the most
 * specific alone applies. https://gateway-api.sigs.k8s.io/geps/gep-1294/#route-types
 */
export function moreSpecificRoute(
  inputs: RoutingInputs,
  fetch: Fetch,
  service: MeshService,
  port: number,
  route: AnyRoute,
): AnyRoute | undefined {
  const audience = audienceOf(route, service);
  const specificity = bySpecificity.indexOf(route.kind);
  return attachedRoutes(inputs, fetch, service).find(
    (other) =>
      bySpecificity.indexOf(other.kind) < specificity &&
      audienceOf(other, service) === audience &&
      isAttachedTo(other, service, port),
  );
}

/** The namespace of the clients that a route of a Service is for: its own, or all (""), where it is the Service's. */
export function audienceOf(route: AnyRoute, service: MeshService): string {
  const namespace = route.metadata.namespace ?? "default";
  return namespace === service.namespace ? "" : namespace;
}

/** Whether some parent of a route means a port of a Service. */
export function isAttachedTo(route: AnyRoute, service: MeshService, port: number): boolean {
  return (route.spec.parentRefs ?? []).some((parent) => {
    const object = parentObject(parent, route.metadata.namespace ?? "default");
    if (!isServiceParent(parent) || object !== objectOfService(service)) return false;
    const attached = attachedPorts(parent, service);
    return attached.kind === "ports" && attached.ports.includes(port);
  });
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

/** Of some routes the one of another kind with a hostname of this route. */
export function rivalOf(
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

/** The routes of both kinds that some parent attaches to a listener of a Gateway. */
export function routesOnListener(
  inputs: RoutingInputs,
  fetch: Fetch,
  gateway: Gateway,
  listener: Listener,
): readonly GatewayRoute[] {
  const key = `${gateway.metadata.namespace ?? "default"}/${gateway.metadata.name}`;
  if (listenerFault(gateway, listener) !== undefined) return [];
  const candidates: readonly GatewayRoute[] = [
    ...fetch.by(inputs.httpRoutesByGateway, key),
    ...fetch.by(inputs.grpcRoutesByGateway, key),
  ];
  return candidates.filter((route) =>
    (route.spec.parentRefs ?? []).some((parent) => {
      if (!isGatewayParent(parent) || parentKey(parent, route.metadata.namespace ?? "default") !== key)
        return false;
      const attached = attachedListeners(inputs, fetch, parent, gateway, route);
      return attached.kind === "listeners" && attached.listeners.some(({ name }) => name === listener.name);
    }),
  );
}
