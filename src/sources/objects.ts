import type { Collection } from "#collections/graph.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { GatewayClass } from "#model/gateway-api/gateway-class.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import type { ReferenceGrant } from "#model/gateway-api/reference-grant.ts";
import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { ConfigMap, Namespace, Secret, ServiceAccount } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service } from "#model/kubernetes/service.ts";
import type { Deployment, Job, StatefulSet } from "#model/kubernetes/workloads.ts";

/** The kinds that Heddle reads; no two of them share a name. */
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
  readonly ReferenceGrant: ReferenceGrant;
  readonly VirtualService: VirtualService;
  readonly DestinationRule: DestinationRule;
}

export type Kind = keyof ObjectOfKind;

/**
 * What a mesh is made of, and what every source of API objects provides, whether it reads a directory or an API server:
 * valid objects with their namespace filled in, keyed by `objectKey`. A namespace that is used but not defined is there,
 * without labels. Each collection has the name that URLs of the API have for the kind.
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
  readonly referenceGrants: Collection<ReferenceGrant>;
  readonly virtualServices: Collection<VirtualService>;
  readonly destinationRules: Collection<DestinationRule>;
}

/** What is read besides where Heddle runs the pods itself. On a cluster it has no business with any of it. */
export interface LocalObjects extends MeshObjects {
  readonly serviceAccounts: Collection<ServiceAccount>;
  readonly configMaps: Collection<ConfigMap>;
  readonly secrets: Collection<Secret>;
  readonly deployments: Collection<Deployment>;
  readonly statefulSets: Collection<StatefulSet>;
  readonly jobs: Collection<Job>;
}
