// What stands between the mesh and Envoy: plain readonly data that serialises to YAML. No Kubernetes object and no
// Envoy message appears here, and everything carries the objects that it came from.
import type { TlsOrigination } from "#model/client-tls.ts";
import type { ConnectionDestination } from "#model/connection-route.ts";
import type { ConcurrencyLimit, RequestLimits } from "#model/limits.ts";
import type { OthersPolicy } from "#model/others.ts";
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
import type { PortProtocol } from "#model/service.ts";
import type { IngressEndpoint } from "#model/sidecar.ts";

/** What a cluster is for; its name on the wire is made of this alone. */
export type ClusterReference =
  /** A service's port, or a subset of its endpoints. */
  | { readonly kind: "service"; readonly hostname: string; readonly port: number; readonly subset: string }
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
  /** TCP that comes to a port of the gateway's own. */
  | { readonly kind: "gateway"; readonly port: number };

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
  readonly tunnel?: Tunnel;
  /** Who the client is, for servers that ask for it. */
  readonly proxyProtocol?: 1 | 2;
  /** Whether some endpoint has no sidecar that would clean a request of what only sidecars need. */
  readonly reachesUnmeshed: boolean;
  readonly service: ServiceLabel | undefined;
  readonly origins: readonly Origin[];
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
  /** Of localities, in any unit. */
  readonly weights?: Readonly<Record<string, number>>;
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

/** What a sidecar does with the connections that its application opens. */
export interface OutboundListenerView {
  /** CIDR ranges of which every address is looked up on demand: where services and pods live. */
  readonly meshRanges: readonly string[];
  /** Names of TLS servers outside (SNI); `*.example.com` for all below. */
  readonly serverNames: readonly string[];
  /** Ports on which names are told apart that TLS to addresses inside asks for (SNI). */
  readonly serverNamePorts: readonly number[];
  /** Ports on which every address outside of the ranges is looked up on demand, too. */
  readonly outsideTcpPorts: readonly number[];
  /** What becomes of everything else. */
  readonly others: OthersPolicy;
  /** Ports on which nothing waits for the client's first bytes. */
  readonly tcpPorts: readonly number[];
  /** Ports on which nobody looks for HTTP: those, and the ones on which clients speak TLS. */
  readonly opaquePorts: readonly number[];
  /** Ports on which everything is HTTP, also what does not say so in time. */
  readonly httpPorts: readonly number[];
}

/** The routes that a sidecar has from the start, by Host: to what has no address by which it could be looked up. */
export interface OutsideRoutesView {
  /** As in the listener: what goes there is looked up by its address, whatever its Host. */
  readonly meshRanges: readonly string[];
  readonly hosts: readonly OutsideHostView[];
  readonly others: OthersPolicy;
  readonly origins: readonly Origin[];
}

export interface OutsideHostView {
  /** `*.example.com` for all below. */
  readonly hostname: string;
  readonly ports: readonly OutsidePortView[];
}

export interface OutsidePortView {
  readonly port: number;
  readonly routes: readonly RouteView[];
}

/** What a sidecar does with the connections that reach its pod. */
export interface InboundListenerView {
  readonly ports: readonly ListenedPort[];
  /** Set while the pod terminates: the listener differs, so Envoy drains what it had. */
  readonly draining: boolean;
}

export interface ListenedPort {
  readonly port: number;
  readonly protocol: PortProtocol;
}

/** What a sidecar knows of its pod: its listener's view, and the service behind each port. */
export interface InboundView extends InboundListenerView {
  readonly ports: readonly InboundPortView[];
}

export interface InboundPortView extends ListenedPort {
  readonly service: ServiceLabel | undefined;
  /** Where the application listens; undefined: where the client dialled. */
  readonly endpoint?: IngressEndpoint;
  /** How much it is given at a time. */
  readonly connectionPool?: ConnectionPool;
  readonly limits: PortLimits;
}

/** What is enforced at a port of a pod. */
export interface PortLimits {
  readonly rateLimits: readonly RateLimitView[];
  readonly concurrency?: ConcurrencyLimit;
}

/** Limits, and for which of the requests that come by they are. */
export interface RateLimitView extends RequestLimits {
  /** Undefined: for all. */
  readonly scope?: LimitScope;
}

export interface LimitScope {
  readonly kind: keyof RouteScopes;
  readonly value: string;
}

/** What a request's route is called in the scopes of limits. */
export interface RouteScopes {
  /** A listener of a gateway. */
  readonly listener?: string;
  /** `Kind/namespace/name`. */
  readonly route?: string;
  /** The same with `/rule`. */
  readonly rule?: string;
}

/** The routes of one port of a pod: all go to the application. */
export interface InboundRoutesView extends PortLimits {
  readonly port: number | undefined;
}

/** One listener of a gateway. */
export type GatewayListenerView = GatewayHttpView | GatewayTcpView;

/** HTTP, its routes whole. */
export interface GatewayHttpView {
  readonly kind: "http";
  readonly port: number;
  readonly virtualHosts: readonly GatewayVirtualHostView[];
  readonly rateLimits: readonly RateLimitView[];
  readonly origins: readonly Origin[];
}

/** TCP, shared out among destinations; without any, connections are closed. */
export interface GatewayTcpView {
  readonly kind: "tcp";
  readonly port: number;
  readonly destinations: readonly ConnectionDestination[];
  readonly origins: readonly Origin[];
}

export interface GatewayVirtualHostView {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly RouteView[];
}

/** What the node may ask a pod's proxy about its application. */
export interface HealthListenerView {
  /** The pod's own. */
  readonly address: string;
  readonly probes: readonly ProbeView[];
}

/** A probe that the injector has rewritten; `path` is what the node asks for. */
export type ProbeView = { readonly path: string; readonly port: number } & (
  | { readonly kind: "http"; readonly applicationPath: string }
  | { readonly kind: "tcp" }
  | { readonly kind: "grpc"; readonly service: string }
);
