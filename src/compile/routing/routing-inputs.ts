// What says where requests go, by what it says it of. The configuration and the checks of objects look it up alike.
import type { Collection, Index } from "#collections/graph.ts";
import type { BackendPolicy } from "#model/backend-policy.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import type { ReferenceGrant } from "#model/gateway-api/reference-grant.ts";
import type { TcpRoute } from "#model/gateway-api/tcp-route.ts";
import type { TlsRoute } from "#model/gateway-api/tls-route.ts";
import type { AdaptiveConcurrency } from "#model/heddle/adaptive-concurrency.ts";
import type { RateLimit } from "#model/heddle/rate-limit.ts";
import type { HostPolicy } from "#model/host-policy.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { MeshService } from "#model/service.ts";
import type { Credentials } from "../clients/credentials.ts";

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
