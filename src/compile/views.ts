// What stands between the mesh and Envoy: plain readonly data that serialises to YAML. No Kubernetes object and no
// Envoy message appears here, and everything carries the objects that it came from.
import type { TlsOrigination } from "#model/client-tls.ts";
import type {
  ConnectionPool,
  HashKey,
  LoadBalancing,
  OutlierDetection,
  RetryBudget,
  SlowStart,
  Tunnel,
} from "#model/policy.ts";
import type { Origin } from "#model/reference.ts";
import type {
  CorsPolicy,
  DirectResponse,
  FaultInjection,
  HeaderChanges,
  PathChange,
  Redirect,
  RetryPolicy,
  Rewrite,
  RouteMatch,
  SessionPersistence,
} from "#model/route.ts";

/** What a cluster is for; its name on the wire is made of this alone. */
export type ClusterReference =
  | ServiceCluster
  /** HTTP to one pod by its own address. */
  | { readonly kind: "address"; readonly address: string; readonly port: number }
  /** TCP to whatever is at an address: a service's virtual IP, a pod, or something unknown. */
  | {
      readonly kind: "tcp";
      readonly address: string;
      readonly port: number;
      /** What TLS of the application's own asks for (SNI), on ports where routes tell such names apart. */
      readonly serverName?: string;
    }
  /** TLS of the application's own to a host outside, by the name that the client asks for (SNI). */
  | { readonly kind: "tls"; readonly hostname: string; readonly port: number }
  /** TCP to a service by its name, where no address of it was dialled. */
  | { readonly kind: "host"; readonly hostname: string; readonly port: number; readonly subset: string }
  /** TCP that comes to a port of the gateway's own. */
  | { readonly kind: "gateway"; readonly port: number };

/** A service's port, or a subset of its endpoints. */
export interface ServiceCluster {
  readonly kind: "service";
  readonly hostname: string;
  readonly port: number;
  readonly subset: string;
}

/** The service that telemetry reports for a cluster. */
export interface ServiceLabel {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
}

/** A group of endpoints as clients reach it. */
export interface ClusterView {
  readonly reference: ClusterReference;
  readonly protocol: "http" | "tcp";
  readonly endpoints: ClusterEndpoints;
  /** How meshed endpoints are reached; the others are plaintext. */
  readonly tls: MeshTls | undefined;
  /** Of a cluster that several services or subsets share: how the meshed endpoints of each are reached. */
  readonly shares?: readonly { readonly cluster: ClusterReference; readonly tls: MeshTls }[];
  /** How all endpoints are reached instead: servers with certificates of their own. */
  readonly origination?: TlsOrigination;
  readonly loadBalancing: LoadBalancing;
  readonly slowStart?: SlowStart;
  /** Whether the list of endpoints has weights for localities. */
  readonly weighsLocalities?: true;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly retryBudget?: RetryBudget;
  /** Who the client is, for servers that ask for it. */
  readonly proxyProtocol?: 1 | 2;
  /** Where the endpoints are proxies, and connections go on from there. */
  readonly tunnel?: TunnelView;
  /** Whether some endpoint has no sidecar that would clean a request of what only sidecars need. */
  readonly reachesUnmeshed: boolean;
  readonly service: ServiceLabel | undefined;
  readonly origins: readonly Origin[];
}

export interface TunnelView {
  readonly method: Tunnel["method"];
  /** What the proxy shall connect to, `host:port`. */
  readonly target: string;
  /** Whether it is asked by HTTP/2. */
  readonly http2?: true;
}

export interface MeshTls {
  readonly sni: string;
  readonly serviceAccounts: readonly ServiceAccountLabel[];
  /** In the place of the names of the service accounts. */
  readonly subjectAltNames?: readonly string[];
  /** Also to endpoints that do not seem to be meshed. */
  readonly always?: true;
}

export type ClusterEndpoints =
  /** The list with this name. */
  | { readonly kind: "listed"; readonly list: ClusterReference }
  /** Wherever the application dialled; with a port, there instead of the one that it dialled. */
  | { readonly kind: "asDialled"; readonly port?: number }
  /** What DNS says of these; `first`: of the first answer alone, as it is when a connection is made. */
  | { readonly kind: "dns"; readonly answers: "all" | "first"; readonly endpoints: readonly EndpointView[] }
  /** What DNS says of the host that a request names, on this port. */
  | { readonly kind: "dnsOfRequest"; readonly port: number }
  /** Nothing: the service or the subset does not exist. A cluster without endpoints answers at once, none hangs. */
  | { readonly kind: "none" };

export interface ServiceAccountLabel {
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface EndpointsView {
  readonly reference: ClusterReference;
  readonly endpoints: readonly EndpointView[];
  /** Of localities, by priority, in any unit. */
  readonly weights?: readonly Readonly<Record<string, number>>[];
  readonly origins: readonly Origin[];
}

export interface EndpointView {
  readonly address: string;
  readonly port: number;
  /** Whether the endpoint is reached by mutual TLS. */
  readonly meshed: boolean;
  readonly namespace: string;
  readonly workload: string;
  /** The labels of these names; empty where the pod has none. */
  readonly app: string;
  readonly version: string;
  /** Endpoints of higher numbers are for when those of lower ones fail; 0 where it is absent. */
  readonly priority?: number;
  /** `region/zone/subzone`; only where localities have weights. */
  readonly locality?: string;
  /** Its share relative to the others'; undefined: 1. */
  readonly weight?: number;
}

/** The endpoints of several services or subsets, of which each gets its share of the connections. */
export interface WeightedEndpointsView {
  readonly reference: ClusterReference;
  readonly parts: readonly WeightedPart[];
  readonly origins: readonly Origin[];
}

export interface WeightedPart {
  /** By whose TLS its endpoints are reached; undefined: connections of this part are refused. */
  readonly cluster: ClusterReference | undefined;
  /** An integer of at least 1. */
  readonly weight: number;
  readonly endpoints: readonly EndpointView[];
}

/** The routes for one destination address, as one client namespace sees them. */
export interface VirtualHostView {
  /** `address:port` as the application dials it. */
  readonly address: string;
  /** Host headers that mean this destination without doubt; any other takes the slower way here. */
  readonly domains: readonly string[];
  readonly routes: readonly RouteView[];
  readonly origins: readonly Origin[];
}

export interface RouteView {
  readonly name: string;
  /** Only for requests with this Host, `*.example.com` for all below; undefined for any. */
  readonly host?: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly fault?: FaultInjection;
  readonly cors?: CorsPolicy;
  /** What its requests are counted under. */
  readonly statPrefix?: string;
  /** Where limits are for this route. */
  readonly scopes?: RouteScopes;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  readonly origins: readonly Origin[];
}

export type RouteAction =
  | {
      readonly kind: "forward";
      readonly destinations: readonly WeightedCluster[];
      /** The answer to the share of a backend that cannot be used. */
      readonly unusableStatus: number;
      readonly rewrite: Rewrite | undefined;
      readonly timeoutMs: number | undefined;
      readonly attemptTimeoutMs: number | undefined;
      /** What of the request decides about the endpoint, for clusters that choose by it. */
      readonly hashBy?: readonly HashKey[];
      readonly mirrors?: readonly MirroredCluster[];
      /** Undefined: the safe default. */
      readonly retries?: RetryPolicy;
      readonly sessionPersistence?: SessionPersistence;
    }
  /** To what is not known: to the address that the application dialled, without TLS, or nowhere. */
  | { readonly kind: "passthrough" }
  | { readonly kind: "refuse" }
  | RedirectAction
  | ({ readonly kind: "respond" } & DirectResponse);

export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: Redirect["status"];
  readonly scheme: Redirect["scheme"];
  readonly hostname: string | undefined;
  /** Undefined: none in the new address, but for that of a Host that stays. */
  readonly port: number | undefined;
  readonly path: PathChange | undefined;
}

export interface MirroredCluster {
  readonly cluster: ClusterReference;
  /** 0 to 100. */
  readonly percentage: number;
}

export interface WeightedCluster {
  /** Undefined where the backend cannot be used. */
  readonly cluster: ClusterReference | undefined;
  readonly weight: number;
  /** The Host that it sees, in the place of the client's and of the route's. */
  readonly hostname?: string;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  /** Where the route has none. */
  readonly sessionPersistence?: SessionPersistence;
}

/** What a request's route is called in the scopes of limits. */
export interface RouteScopes {
  /** One of Istio's Gateways, `namespace/name`. */
  readonly gateway?: string;
  /** A listener of a Gateway by its name, or a server of one of Istio's as `namespace/name/server`. */
  readonly listener?: string;
  /** `Kind/namespace/name`. */
  readonly route?: string;
  /** The same with `/rule`. */
  readonly rule?: string;
}
