// Objects → the lookups of routing.
import type { Collection, Graph } from "#collections/graph.ts";
import { backendPolicy } from "#model/gateway-api/backend-policies.ts";
import { isGatewayParent, isServiceParent, parentKey, parentObject } from "#model/gateway-api/references.ts";
import { delegateKeys } from "#model/istio/delegates.ts";
import { hostPolicy } from "#model/istio/destination-policy.ts";
import { isForMesh } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { credentialsOf } from "../clients/credentials.ts";
import { meantHostnames, objectOfService } from "../services/services.ts";
import type { AnyRoute, GatewayRoute } from "./attachments.ts";
import { gatewayKeysOf } from "./istio-servers.ts";
import { policiesByTarget } from "./policy-targets.ts";
import type { RoutingInputs } from "./routing-inputs.ts";

/** Makes the lookups; `purpose` tells those of several users apart. */
export function routingInputs(
  graph: Graph,
  objects: MeshObjects,
  services: Collection<MeshService>,
  purpose: string,
): RoutingInputs {
  const { httpRoutes, grpcRoutes, tcpRoutes, tlsRoutes, virtualServices } = objects;
  const hostPolicies = graph.derive(`host policies for ${purpose}`, objects.destinationRules, (rule) =>
    hostPolicy(rule),
  );
  const backendPolicies = graph.derive(
    `backend policies for ${purpose}`,
    objects.backendTrafficPolicies,
    (policy) => backendPolicy(policy),
  );
  return {
    services,
    servicesByHostname: services.index(`by hostname for ${purpose}`, ({ hostname }) => [hostname]),
    servicesByObject: services.index(`by object for ${purpose}`, (service) => [objectOfService(service)]),
    gateways: objects.gateways,
    namespaces: objects.namespaces,
    httpRoutesByService: httpRoutes.index(`by parent service for ${purpose}`, parentServices),
    grpcRoutesByService: grpcRoutes.index(`by parent service for ${purpose}`, parentServices),
    tcpRoutesByService: tcpRoutes.index(`by parent service for ${purpose}`, parentServices),
    tlsRoutesByService: tlsRoutes.index(`by parent service for ${purpose}`, parentServices),
    httpRoutesByGateway: httpRoutes.index(`by parent gateway for ${purpose}`, parentGateways),
    grpcRoutesByGateway: grpcRoutes.index(`by parent gateway for ${purpose}`, parentGateways),
    tcpRoutesByGateway: tcpRoutes.index(`by parent gateway for ${purpose}`, parentGateways),
    httpRoutesByBackend: httpRoutes.index(`by backend for ${purpose}`, backendsOfServices),
    grpcRoutesByBackend: grpcRoutes.index(`by backend for ${purpose}`, backendsOfServices),
    referenceGrants: objects.referenceGrants.index(`by namespace for ${purpose}`, ({ metadata }) => [
      metadata.namespace ?? "default",
    ]),
    virtualServices,
    backendPoliciesByService: backendPolicies.index(`by service for ${purpose}`, (policy) => policy.services),
    virtualServicesByHost: virtualServices.index(`by host for ${purpose}`, hostnamesOfVirtualService),
    virtualServicesByGateway: virtualServices.index(`by gateway for ${purpose}`, gatewayKeysOf),
    istioGateways: objects.istioGateways,
    virtualServicesByDelegate: virtualServices.index(`by delegate for ${purpose}`, delegateKeys),
    wildcardVirtualServices: virtualServices.index(`by wildcard for ${purpose}`, ({ spec }) =>
      spec.hosts?.some((host) => host.startsWith("*")) === true ? [""] : [],
    ),
    hostPolicies,
    policiesByHost: hostPolicies.index(`by host for ${purpose}`, ({ host, metadata }) =>
      meantHostnames(host, metadata.namespace),
    ),
    policiesByCredential: hostPolicies.index(
      `by credential for ${purpose}`,
      ({ credentials }) => credentials,
    ),
    credentials: credentialsOf(graph, objects.secrets, purpose),
    rateLimitsByTarget: policiesByTarget(objects.rateLimits, purpose),
    adaptiveConcurrenciesByTarget: policiesByTarget(objects.adaptiveConcurrencies, purpose),
  };
}

function parentServices(route: AnyRoute): readonly string[] {
  return (route.spec.parentRefs ?? [])
    .filter(isServiceParent)
    .map((parent) => parentObject(parent, route.metadata.namespace ?? "default"));
}

function parentGateways(route: AnyRoute): readonly string[] {
  return (route.spec.parentRefs ?? [])
    .filter(isGatewayParent)
    .map((parent) => parentKey(parent, route.metadata.namespace ?? "default"));
}

function backendsOfServices(route: GatewayRoute): Iterable<string> {
  const { namespace = "default" } = route.metadata;
  if (!(route.spec.parentRefs ?? []).some(isServiceParent)) return [];
  return new Set(
    (route.spec.rules ?? [])
      .flatMap(({ backendRefs = [] }) => backendRefs)
      .filter(({ kind = "Service", group = "" }) => kind === "Service" && group === "")
      .map((backend) => `${backend.namespace ?? namespace}/${backend.name}:${backend.port}`),
  );
}

/** The hostnames of the services whose traffic inside the mesh a VirtualService may describe. */
function hostnamesOfVirtualService(virtualService: VirtualService): readonly string[] {
  const { metadata, spec } = virtualService;
  if (!isForMesh(virtualService)) return [];
  return (spec.hosts ?? []).flatMap((host) => meantHostnames(host, metadata.namespace ?? "default"));
}
