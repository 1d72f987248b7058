import type { Collection } from "#collections/graph.ts";
import type { BackendTrafficPolicy } from "#model/gateway-api/backend-traffic-policy.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { GatewayClass } from "#model/gateway-api/gateway-class.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import type { ReferenceGrant } from "#model/gateway-api/reference-grant.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { TlsRoute } from "#model/gateway-api/tls-route.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit } from "#model/heddle/rate-limit.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import type { ServiceEntry } from "#model/istio/service-entry.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { WorkloadEntry } from "#model/istio/workload-entry.ts";
import type { ConfigMap, Namespace, Secret, ServiceAccount } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service } from "#model/kubernetes/service.ts";
import type { Deployment, Job, StatefulSet } from "#model/kubernetes/workloads.ts";

/** The kinds that Heddle reads, under the names that `kindName` gives them: no two share one. */
export interface ObjectOfKind {
  readonly Namespace: Namespace;
  readonly Pod: Pod;
  readonly Service: Service;
  readonly EndpointSlice: EndpointSlice;
  readonly ServiceAccount: ServiceAccount;
  readonly ConfigMap: ConfigMap;
  readonly Secret: Secret;
  readonly Deployment: Deployment;
  readonly StatefulSet: StatefulSet;
  readonly Job: Job;
  readonly Gateway: Gateway;
  readonly GatewayClass: GatewayClass;
  readonly HTTPRoute: HttpRoute;
  readonly GRPCRoute: GrpcRoute;
  readonly TCPRoute: TcpRoute;
  readonly TLSRoute: TlsRoute;
  readonly ReferenceGrant: ReferenceGrant;
  readonly XBackendTrafficPolicy: BackendTrafficPolicy;
  readonly VirtualService: VirtualService;
  readonly DestinationRule: DestinationRule;
  readonly ServiceEntry: ServiceEntry;
  readonly WorkloadEntry: WorkloadEntry;
  readonly Sidecar: Sidecar;
  readonly "Gateway.networking.istio.io": IstioGateway;
  readonly RateLimit: RateLimit;
  readonly AdaptiveConcurrency: AdaptiveConcurrency;
}

export type Kind = keyof ObjectOfKind;

/**
 * What a mesh is made of, and what every source of API objects provides, whether it reads a directory or an API server:
 * valid objects with their namespace filled in, keyed by `objectKey`. A namespace that is used but not defined is there,
 * without labels.
 */
export interface MeshObjects {
  readonly namespaces: Collection<Namespace>;
  readonly pods: Collection<Pod>;
  readonly services: Collection<Service>;
  readonly endpointSlices: Collection<EndpointSlice>;
  readonly gateways: Collection<Gateway>;
  readonly gatewayClasses: Collection<GatewayClass>;
  readonly httpRoutes: Collection<HttpRoute>;
  readonly grpcRoutes: Collection<GrpcRoute>;
  readonly tcpRoutes: Collection<TcpRoute>;
  readonly tlsRoutes: Collection<TlsRoute>;
  readonly referenceGrants: Collection<ReferenceGrant>;
  readonly backendTrafficPolicies: Collection<BackendTrafficPolicy>;
  readonly virtualServices: Collection<VirtualService>;
  readonly destinationRules: Collection<DestinationRule>;
  readonly serviceEntries: Collection<ServiceEntry>;
  readonly workloadEntries: Collection<WorkloadEntry>;
  readonly sidecars: Collection<Sidecar>;
  readonly istioGateways: Collection<IstioGateway>;
  readonly rateLimits: Collection<RateLimit>;
  readonly adaptiveConcurrencies: Collection<AdaptiveConcurrency>;
  /** On a cluster those alone that DestinationRules and Sidecars name, as far as they may be read. */
  readonly secrets: Collection<Secret>;
}

/** What is read besides where Heddle runs the pods itself. On a cluster it has no business with any of it. */
export interface LocalObjects extends MeshObjects {
  readonly serviceAccounts: Collection<ServiceAccount>;
  readonly configMaps: Collection<ConfigMap>;
  readonly deployments: Collection<Deployment>;
  readonly statefulSets: Collection<StatefulSet>;
  readonly jobs: Collection<Job>;
}
