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

/** A share of a route's traffic. */
export interface RouteDestination {
  /** Undefined where the backend does not exist: its share is answered with 500. */
  readonly service: ServicePortReference | undefined;
  readonly subset?: string;
  readonly weight: number;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

/** One rule, in the order in which rules are tried. Both route APIs end as this. */
export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly destinations: readonly RouteDestination[];
  /** Milliseconds for the whole request; undefined: no limit. */
  readonly timeoutMs?: number;
  /** Milliseconds for one attempt. */
  readonly attemptTimeoutMs?: number;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  readonly origin: Origin;
}
