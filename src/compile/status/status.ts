// What is said of objects in their statuses. It is made of the problems that users are shown, and of the functions that
// the configuration is made with, so that statuses and what proxies do cannot disagree.
import type { Collection, Fetch, Graph, Index } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Service } from "#model/kubernetes/service.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";
import { objectKey, type Problem } from "#model/reference.ts";
import type { DesiredStatus, RejectedResource } from "#model/status.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { isOurGateway, isOurParent } from "../clients/ownership.ts";
import type { Mesh } from "../mesh.ts";
import type { AnyRoute } from "../routing/attachments.ts";
import { routesServedBy } from "../routing/listener-attachments.ts";
import type { Listener } from "../routing/listeners.ts";
import { type ConditionContext, conditionsOf, unlessPresent } from "./conditions.ts";
import { type Facts, factsOf } from "./facts.ts";
import { gatewayClassVerdicts } from "./gateway-class.ts";
import { type GatewayAddress, gatewayStatus } from "./gateway-status.ts";
import { istioConditions } from "./istio-status.ts";
import { policyAncestors } from "./policy-status.ts";
import { routeParents } from "./route-status.ts";

/** What statuses are made of. */
export interface StatusInputs {
  readonly objects: MeshObjects;
  readonly mesh: Mesh;
  /** Those of `checkObjects`. */
  readonly problems: readonly Collection<Problem>[];
  /** What proxies refuse at present, under any keys. */
  readonly rejections: Collection<RejectedResource>;
  /** Where Gateways without a Service are reached. */
  readonly gatewayAddresses: readonly GatewayAddress[];
  /** For the times of transitions. */
  readonly now: () => Date;
}

/**
 * The statuses that are to be written, in one collection for each kind. An object has an item there while its status
 * is not what it should be: whoever writes all items, and again those that could not be written, is done when the
 * collections are empty. A status that somebody else changes comes back.
 */
export function statusesOf(graph: Graph, inputs: StatusInputs): readonly Collection<DesiredStatus>[] {
  const { objects, now } = inputs;
  const facts = factsOf(inputs.problems, inputs.rejections);
  const running = {
    pods: objects.pods.index("by gateway for statuses", gatewayOf),
    services: objects.services.index("by gateway for statuses", gatewayOf),
  };
  const statuses = <T extends KubernetesObject & { readonly status?: object }>(
    kind: string,
    from: Collection<T>,
    statusOf: StatusOf<T>,
  ): Collection<DesiredStatus> =>
    graph.derive(`status of ${kind}`, from, (object, fetch) => {
      const { namespace = "", name, generation } = object.metadata;
      const status = statusOf(object, facts({ kind, namespace, name }, fetch), { generation, now }, fetch);
      return status === undefined ? undefined : unlessPresent(object, status);
    });
  return [
    statuses("GatewayClass", objects.gatewayClasses, (object, _facts, context) => {
      const verdicts = gatewayClassVerdicts(object);
      if (verdicts.length === 0) return undefined;
      return { conditions: conditionsOf(verdicts, object.status?.conditions, context) };
    }),
    statuses("Gateway", objects.gateways, ofGateway(inputs, running)),
    statuses("HTTPRoute", objects.httpRoutes, ofRoute(objects)),
    statuses("GRPCRoute", objects.grpcRoutes, ofRoute(objects)),
    statuses("TCPRoute", objects.tcpRoutes, ofRoute(objects)),
    statuses("TLSRoute", objects.tlsRoutes, ofRoute(objects)),
    statuses("XBackendTrafficPolicy", objects.backendTrafficPolicies, ofPolicy),
    statuses("VirtualService", objects.virtualServices, ofIstio),
    statuses("Gateway.networking.istio.io", objects.istioGateways, ofIstio),
    statuses("DestinationRule", objects.destinationRules, ofIstio),
    statuses("RateLimit", objects.rateLimits, ofPolicy),
    statuses("AdaptiveConcurrency", objects.adaptiveConcurrencies, ofPolicy),
    statuses("ServiceEntry", objects.serviceEntries, ofIstio),
    statuses("WorkloadEntry", objects.workloadEntries, ofIstio),
    statuses("Sidecar", objects.sidecars, ofIstio),
  ];
}

/** The status that an object should have; undefined where it is not ours to speak of. */
type StatusOf<T> = (
  object: T,
  facts: Facts,
  context: ConditionContext,
  fetch: Fetch,
) => Readonly<Record<string, unknown>> | undefined;

function ofRoute(objects: MeshObjects): StatusOf<AnyRoute> {
  return (route, facts, context, fetch) => {
    const { namespace = "default" } = route.metadata;
    const isOurs = (parent: Parameters<typeof isOurParent>[2]) =>
      isOurParent(objects, fetch, parent, namespace);
    const parents = routeParents(route, isOurs, facts, context);
    return parents === undefined ? undefined : { parents };
  };
}

function ofGateway(
  { objects, mesh, gatewayAddresses }: StatusInputs,
  running: { readonly pods: Index<Pod>; readonly services: Index<Service> },
): StatusOf<Gateway> {
  return (gateway, facts, context, fetch) => {
    if (!isOurGateway(objects, fetch, gateway)) return undefined;
    const key = objectKey(gateway.metadata);
    const found = {
      ...facts,
      pods: fetch.by(running.pods, key),
      services: fetch.by(running.services, key),
      addresses: gatewayAddresses,
      routesOf: (listener: Listener) => routesServedBy(mesh.routing, fetch, gateway, listener).length,
    };
    return { ...gatewayStatus(gateway, found, context) };
  };
}

const ofPolicy: StatusOf<Parameters<typeof policyAncestors>[0]> = (object, facts, context) => ({
  ancestors: policyAncestors(object, facts, context),
});

const ofIstio: StatusOf<Parameters<typeof istioConditions>[0]> = (object, facts, context) => ({
  conditions: istioConditions(object, facts, context),
});

function gatewayOf({ metadata }: KubernetesObject): readonly string[] {
  const name = metadata.labels?.[gatewayNameLabel];
  return name === undefined ? [] : [`${metadata.namespace ?? "default"}/${name}`];
}
