import type { Origin } from "./reference.ts";
import type { ServicePortReference } from "./service.ts";

/** How a string must look. */
export type StringMatcher =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string };

export type PathMatcher =
  | StringMatcher
  /** `/a` matches `/a` and `/a/b`, not `/ab` (Gateway API's PathPrefix). */
  | { readonly kind: "pathPrefix"; readonly value: string };

export interface NamedMatcher {
  readonly name: string;
  readonly value: StringMatcher;
}

/** All of it must hold. */
export interface RouteMatch {
  readonly path?: PathMatcher;
  readonly method?: StringMatcher;
  readonly headers: readonly NamedMatcher[];
  readonly queryParameters: readonly NamedMatcher[];
}

export interface HeaderChanges {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

export const noHeaderChanges: HeaderChanges = { set: [], add: [], remove: [] };

/** What becomes of a request's path; its query stays. */
export type PathChange =
  | { readonly kind: "whole"; readonly path: string }
  /** The prefix that the route matches by makes room for another; `/` is none. */
  | { readonly kind: "prefix"; readonly prefix: string; readonly replacement: string };

/** An answer that sends the client elsewhere. What is undefined stays as it is in the request. */
export interface Redirect {
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme: "http" | "https" | undefined;
  readonly hostname: string | undefined;
  /** Undefined: that of the scheme, or, without one, that of the request. */
  readonly port: number | undefined;
  readonly path: PathChange | undefined;
}

/** What the backend sees otherwise than the client has sent it. */
export interface Rewrite {
  readonly hostname: string | undefined;
  readonly path: PathChange | undefined;
}

/** A share of a route's traffic. */
export interface RouteDestination {
  /** Undefined where the backend cannot be used: its share is answered with an error. */
  readonly service: ServicePortReference | undefined;
  readonly subset?: string;
  readonly weight: number;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

/** One rule, in the order in which rules are tried. Both route APIs end as this. */
export interface Route {
  readonly name: string;
  /** A gRPC client reads its errors from other statuses. */
  readonly protocol: "http" | "grpc";
  readonly match: RouteMatch;
  /** Gateway API's precedence, the greater the earlier; empty where the order of the object decides. */
  readonly rank: readonly number[];
  readonly destinations: readonly RouteDestination[];
  /** Instead of sending the request anywhere. */
  readonly redirect?: Redirect;
  readonly rewrite?: Rewrite;
  /** It asks for what Heddle cannot do: every request is answered with an error, for to skip it could do harm. */
  readonly unsupported: boolean;
  /** Milliseconds for the whole request; undefined: no limit. */
  readonly timeoutMs?: number;
  /** Milliseconds for one attempt. */
  readonly attemptTimeoutMs?: number;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  readonly origin: Origin;
}
