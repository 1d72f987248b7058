// What a route of a VirtualService does with a request besides forwarding it.
import type { StringMatch } from "./string-match.ts";

/** Of requests, from 0 to 100. */
export interface Percentage {
  readonly value?: number;
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRedirect */
export interface HttpRedirect {
  readonly uri?: string;
  readonly authority?: string;
  readonly port?: number;
  readonly derivePort?: "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT";
  readonly scheme?: string;
  /** 301 by default. */
  readonly redirectCode?: number;
  readonly prefixRewrite?: string;
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRewrite */
export interface HttpRewrite {
  readonly uri?: string;
  readonly authority?: string;
  readonly uriRegexRewrite?: { readonly match?: string; readonly rewrite?: string };
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry */
export interface HttpRetries {
  /** How often a request is retried; 0 switches retries off. */
  readonly attempts?: number;
  readonly perTryTimeout?: string;
  /** Envoy's words and statuses, separated by commas. */
  readonly retryOn?: string;
  readonly retryRemoteLocalities?: boolean;
  readonly retryIgnorePreviousHosts?: boolean;
  readonly backoff?: string;
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection */
export interface HttpFault {
  readonly delay?: {
    readonly fixedDelay?: string;
    readonly percentage?: Percentage;
    /** Deprecated: a whole number from 0 to 100. */
    readonly percent?: number;
    /** Istio has it, and gives it no effect. */
    readonly exponentialDelay?: string;
  };
  readonly abort?: {
    readonly httpStatus?: number;
    /** A name such as `UNAVAILABLE`. */
    readonly grpcStatus?: string;
    readonly percentage?: Percentage;
    /** Istio has it, and gives it no effect. */
    readonly http2Error?: string;
  };
}

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy */
export interface IstioCors {
  readonly allowOrigins?: readonly StringMatch[];
  /** Deprecated: exact origins. */
  readonly allowOrigin?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: string;
  readonly allowCredentials?: boolean;
  readonly unmatchedPreflights?: "UNSPECIFIED" | "FORWARD" | "IGNORE";
}
