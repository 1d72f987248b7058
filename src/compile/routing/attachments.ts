// Which ports of Services a parent of a route means, or why it means none.
import type { Fetch } from "#collections/graph.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import { isServiceParent, type ParentReference, parentObject } from "#model/gateway-api/references.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { TlsRoute } from "#model/gateway-api/tls-route.ts";
import type { MeshService } from "#model/service.ts";
import { listed } from "../services/listed.ts";
import { objectOfService } from "../services/services.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

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

/** Makes a refusal; see its fields. */
export function refused(reason: Refusal["reason"], field: string, message: string): Refusal {
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
