import type { Origin } from "./reference.ts";
import type { HeaderValue, RouteMatch } from "./route.ts";

/** How many requests are let through: each must be within all limits that it matches. */
export interface RequestLimits {
  readonly limits: readonly RequestLimit[];
  /** What a request above a limit is answered with. */
  readonly status: number;
  readonly headers: readonly HeaderValue[];
  readonly origin: Origin;
}

/** A token bucket, or one for each value of a key. */
export interface RequestLimit {
  /** Tokens that come back in each period. */
  readonly requests: number;
  readonly periodMs: number;
  /** Tokens that it holds at most. */
  readonly burst: number;
  /** What distinguishes the requests that are counted apart; empty: all are counted together. */
  readonly key: readonly RequestKey[];
  /** Which requests are counted; undefined: all. */
  readonly match?: RouteMatch;
}

/** What distinguishes requests. */
export type RequestKey =
  | { readonly kind: "header"; readonly name: string }
  /** Without the query. */
  | { readonly kind: "path" }
  | { readonly kind: "method" }
  /** What the client's certificate proves; clients without one count as one. */
  | { readonly kind: "sourceIdentity" }
  | { readonly kind: "sourceNamespace" };

/** How many requests at once are let through, found out by measuring latencies. */
export interface ConcurrencyLimit {
  readonly least: number;
  readonly most: number;
  readonly windowMs: number;
  readonly percentile: number;
  /** What a request above the limit is answered with. */
  readonly status: number;
  readonly origin: Origin;
}
