// What clients do with the connections and requests that they send to a host, whoever said it.
import type { ClientTls } from "./client-tls.ts";
import type { LocalityPreference } from "./locality.ts";
import { present } from "./present.ts";
import type { Origin } from "./reference.ts";

/** How requests are spread over the endpoints of a cluster. */
export type LoadBalancing =
  /** To the endpoint that answers fastest now; by outstanding requests where a proxy cannot. */
  | { readonly kind: "latencyAware" }
  | { readonly kind: "leastRequest" }
  | { readonly kind: "roundRobin" }
  | { readonly kind: "random" }
  /** To the address that the client dialled, whatever is there. */
  | { readonly kind: "passthrough" }
  /** Requests that are alike go to one endpoint. */
  | { readonly kind: "consistentHash"; readonly by: HashKey; readonly table: HashTable };

export const defaultLoadBalancing: LoadBalancing = { kind: "latencyAware" };

/** What of a request decides where it goes. */
export type HashKey =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "queryParameter"; readonly name: string }
  | { readonly kind: "sourceAddress" }
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path?: string;
      /** Where it is there, the proxy makes the cookie for clients that have none; 0: for as long as their session. */
      readonly ttlMs?: number;
      readonly attributes?: readonly { readonly name: string; readonly value: string }[];
    };

/** How endpoints share the space of hashes. */
export type HashTable =
  | { readonly kind: "ringHash"; readonly minimumSize: number }
  /** A prime number. */
  | { readonly kind: "maglev"; readonly tableSize: number };

/** An endpoint that is new gets little at first. */
export interface SlowStart {
  readonly windowMs: number;
  /** Percent of its share that it gets at once. */
  readonly minimumPercent: number;
  /** 1: its share grows linearly; greater: faster at first. */
  readonly aggression: number;
}

/** Everything about the choice of an endpoint. */
export interface Balancing {
  readonly method?: LoadBalancing;
  readonly locality?: LocalityPreference;
  readonly slowStart?: SlowStart;
}

/** Limits of a client's proxy for a cluster; what is beyond them is refused. What is undefined has no limit. */
export interface ConnectionPool {
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** Undefined in it: what the kernel does. Seconds. */
  readonly keepalive?: { readonly probes?: number; readonly time?: number; readonly interval?: number };
  readonly maxConnectionDurationMs?: number;
  /** Of connections whose bytes are passed on; undefined: never closed for being idle. */
  readonly tcpIdleTimeoutMs?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  /** Of connections without requests; 0: never closed for being idle. */
  readonly idleTimeoutMs?: number;
  /** HTTP/2, whatever the client speaks. */
  readonly alwaysHttp2?: true;
  readonly maxConcurrentStreams?: number;
  readonly http2Keepalive?: { readonly intervalMs: number; readonly timeoutMs: number };
}

/** How long connections may last whose bytes are passed on. */
export type ConnectionTimes = Pick<ConnectionPool, "tcpIdleTimeoutMs" | "maxConnectionDurationMs">;

/** When an endpoint that fails gets nothing for a while. What is undefined is Envoy's default. */
export interface OutlierDetection {
  /** Of any error; 0: never. */
  readonly consecutiveErrors?: number;
  /** Of 502, 503 and 504; 0: never. */
  readonly consecutiveGatewayErrors?: number;
  /** What the client's proxy meets itself (no connection, a timeout) is counted apart, with a limit of its own. */
  readonly localOrigin?: { readonly consecutiveFailures?: number };
  /** The answers that count as errors, in the place of all from 500. */
  readonly errorStatuses?: readonly number[];
  readonly intervalMs?: number;
  readonly baseEjectionMs?: number;
  /** Undefined: 10, and at least one endpoint. */
  readonly maxEjectionPercent?: number;
  /** With fewer good endpoints than that all get requests again; 0: never. */
  readonly minHealthPercent?: number;
}

/** How many requests may be retries. */
export interface RetryBudget {
  /** Of active requests. */
  readonly percent: number;
  /** As many are always allowed at a time. */
  readonly minConcurrency: number;
  /** Requests count for so long; undefined: while they are active. */
  readonly intervalMs?: number;
}

/** Connections are asked of an HTTP proxy, in place of being made. */
export interface Tunnel {
  /** How it is asked: by a request without end, either way. */
  readonly method: "CONNECT" | "POST";
  /** What the proxy shall connect to: a name or an address. */
  readonly host: string;
  readonly port: number;
}

/** What may be said for a port alone: it then takes the place of all that is said for the host. */
export interface PortPolicy {
  readonly balancing?: Balancing;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  /** Undefined: mutual TLS with endpoints in the mesh, none with others. */
  readonly tls?: ClientTls;
}

/** What is said for a host. What is undefined is not said. */
export interface TrafficPolicy extends PortPolicy {
  readonly proxyProtocol?: 1 | 2;
  readonly retryBudget?: RetryBudget;
  /** Of connections whose bytes are passed on. */
  readonly tunnel?: Tunnel;
}

/** A policy, and what is said otherwise for single ports. */
export interface PolicyOfPorts {
  readonly all: TrafficPolicy;
  readonly ports: readonly { readonly port: number; readonly policy: PortPolicy }[];
}

/** A part of the endpoints, by their labels. */
export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: PolicyOfPorts;
}

/** What a DestinationRule says of a host and of its subsets. */
export interface DestinationPolicy {
  readonly policy: PolicyOfPorts;
  readonly subsets: readonly Subset[];
  readonly origins: readonly Origin[];
}

/** What holds for a port of a subset (`""`: of the whole): subset before port before host, each in what it says. */
export function policyOf(
  destination: DestinationPolicy | undefined,
  subset: string,
  port: number,
): TrafficPolicy {
  if (destination === undefined) return {};
  const ofHost = applied({}, destination.policy, port);
  const chosen = destination.subsets.find(({ name }) => name === subset);
  return chosen === undefined ? ofHost : applied(ofHost, chosen.policy, port);
}

/**
 * A port's settings inherit nothing: what they do not say is the default again.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-PortTrafficPolicy
 */
function applied(under: TrafficPolicy, { all, ports }: PolicyOfPorts, port: number): TrafficPolicy {
  const merged = { ...under, ...all };
  const ofPort = ports.find((each) => each.port === port);
  if (ofPort === undefined) return merged;
  const { proxyProtocol, retryBudget, tunnel } = merged;
  return { ...present({ proxyProtocol, retryBudget, tunnel }), ...ofPort.policy };
}
