// What says where requests go, by what it says it of. The configuration and the checks of objects look it up alike.
import type { Collection, Graph, Index } from "#collections/graph.ts";
import type { BackendPolicy } from "#model/backend-policy.ts";
import { backendPolicy } from "#model/gateway-api/backend-policies.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import type { ReferenceGrant } from "#model/gateway-api/reference-grant.ts";
import { isGatewayParent, isServiceParent, parentKey, parentObject } from "#model/gateway-api/references.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { TlsRoute } from "#model/gateway-api/tls-route.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit } from "#model/heddle/rate-limit.ts";
import type { HostPolicy } from "#model/host-policy.ts";
import { delegateKeys } from "#model/istio/delegates.ts";
import { hostPolicy } from "#model/istio/destination-policy.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import { isForMesh } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { MeshService } from "#model/service.ts";
import type { MeshObjects } from "#sources/objects.ts";
import type { AnyRoute, GatewayRoute } from "./attachments.ts";
import { type Credentials, credentialsOf } from "./credentials.ts";
import { gatewayKeysOf } from "./istio-servers.ts";
import { policiesByTarget } from "./policy-targets.ts";
import { meantHostnames, objectOfService } from "./services.ts";

export interface RoutingInputs {
  /** By `serviceKey`. */
  readonly services: Collection<MeshService>;
  readonly servicesByHostname: Index<MeshService>;
  /** By `objectOfService`. */
  readonly servicesByObject: Index<MeshService>;
  readonly gateways: Collection<Gateway>;
  readonly namespaces: Collection<Namespace>;
  /** By the object that a parent of the route is, see `objectOfService`. */
  readonly httpRoutesByService: Index<HttpRoute>;
  readonly grpcRoutesByService: Index<GrpcRoute>;
  readonly tcpRoutesByService: Index<TcpRoute>;
  readonly tlsRoutesByService: Index<TlsRoute>;
  readonly httpRoutesByGateway: Index<HttpRoute>;
  readonly grpcRoutesByGateway: Index<GrpcRoute>;
  readonly tcpRoutesByGateway: Index<TcpRoute>;
  /** Those that are attached to Services, by the ports of Services (`namespace/name:port`) that they lead to. */
  readonly httpRoutesByBackend: Index<HttpRoute>;
  readonly grpcRoutesByBackend: Index<GrpcRoute>;
  /** By the namespace whose objects may be referred to. */
  readonly referenceGrants: Index<ReferenceGrant>;
  readonly virtualServices: Collection<VirtualService>;
  /** By `objectOfService`. */
  readonly backendPoliciesByService: Index<BackendPolicy>;
  /** Those that are for traffic inside the mesh, by the hostnames that their hosts may mean. */
  readonly virtualServicesByHost: Index<VirtualService>;
  /** By the keys of the Gateways that they are for. */
  readonly virtualServicesByGateway: Index<VirtualService>;
  readonly istioGateways: Collection<IstioGateway>;
  /** By the keys of those that they delegate to. */
  readonly virtualServicesByDelegate: Index<VirtualService>;
  /** Those with a host that begins with `*`, all under "". */
  readonly wildcardVirtualServices: Index<VirtualService>;
  /** By the key of the DestinationRule. */
  readonly hostPolicies: Collection<HostPolicy>;
  /** By the hostnames that their host may mean. */
  readonly policiesByHost: Index<HostPolicy>;
  /** By the names of the Secrets that they name for their clients' certificates. */
  readonly policiesByCredential: Index<HostPolicy>;
  readonly credentials: Credentials;
  /** See `policiesOn`. */
  readonly rateLimitsByTarget: Index<RateLimit>;
  readonly adaptiveConcurrenciesByTarget: Index<AdaptiveConcurrency>;
}

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
