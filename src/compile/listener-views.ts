// What stands between the mesh and a proxy's listeners, with the routes that come with them; as plain as `views.ts`.
import type { ConnectionDestination } from "#model/connection-route.ts";
import type { ConcurrencyLimit, RequestLimits } from "#model/limits.ts";
import type { OthersPolicy } from "#model/others.ts";
import type { ConnectionPool, ConnectionTimes } from "#model/policy.ts";
import type { Origin } from "#model/reference.ts";
import type { TlsTermination } from "#model/server-tls.ts";
import type { PortProtocol } from "#model/service.ts";
import type { Bind, IngressEndpoint } from "#model/sidecar.ts";
import type {
  ClusterReference,
  RouteAction,
  RouteScopes,
  RouteView,
  ServiceCluster,
  ServiceLabel,
} from "./views.ts";

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
  /** Ports on which everything in plaintext to such an address is HTTP, also what does not say so in time. */
  readonly outsideHttpPorts: readonly number[];
  /** What becomes of everything else. */
  readonly others: OthersView;
  /** Ports on which nothing waits for the client's first bytes. */
  readonly tcpPorts: readonly number[];
  /** Ports on which nobody looks for HTTP: those, and the ones on which clients speak TLS. */
  readonly opaquePorts: readonly number[];
  /** Ports on which everything is HTTP, also what does not say so in time. */
  readonly httpPorts: readonly number[];
}

/** What becomes of traffic to destinations that are not known; a proxy may be who gets it. */
export type OthersView = OthersPolicy | { readonly proxy: ServiceCluster };

/** A listener that a sidecar has for its application to call. */
export type EgressListenerView = {
  readonly at: Bind;
  readonly origins: readonly Origin[];
} & (
  | { readonly kind: "http"; readonly virtualHosts: readonly GatewayVirtualHostView[] }
  | { readonly kind: "connections"; readonly hosts: readonly EgressHostView[] }
);

/** Where connections go; with a name, those of TLS that ask for it. */
export interface EgressHostView {
  readonly serverName?: string;
  readonly cluster: ClusterReference;
}

/** The routes that a sidecar has from the start, by Host: to what has no address by which it could be looked up. */
export interface OutsideRoutesView {
  /** As in the listener: what goes there is looked up by its address, whatever its Host. */
  readonly meshRanges: readonly string[];
  readonly hosts: readonly OutsideHostView[];
  readonly others: RouteAction;
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
  readonly connectionPool?: ConnectionTimes;
  /** Of clients without a sidecar. */
  readonly tls?: TlsTermination;
}

/** A listener of a sidecar's own for one port of its application: nothing comes here that was captured. */
export interface IngressListenerView {
  readonly at: Bind;
  readonly port: ListenedPort;
  readonly draining: boolean;
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
  /** Where the sidecar itself listens for it. */
  readonly bind?: Bind;
  /** What is captured does not come here. */
  readonly uncaptured?: true;
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
