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
  /** `present`: whatever it is, if it is there. */
  readonly value: StringMatcher | { readonly kind: "present" };
}

/** All of it must hold. */
export interface RouteMatch {
  readonly path?: PathMatcher;
  /** Whether upper and lower case are the same in a path; not in one that a regular expression describes. */
  readonly ignorePathCase?: boolean;
  readonly method?: StringMatcher;
  readonly scheme?: StringMatcher;
  /** The Host as the client has sent it. */
  readonly authority?: StringMatcher;
  readonly headers: readonly NamedMatcher[];
  /** None of these may hold. */
  readonly withoutHeaders?: readonly NamedMatcher[];
  readonly queryParameters: readonly NamedMatcher[];
}

/** Whether it takes whatever request there is. */
export function isEveryRequest(match: RouteMatch): boolean {
  const { path, ignorePathCase: _case, headers, queryParameters, ...more } = match;
  const isPrefix = path?.kind === "prefix" || path?.kind === "pathPrefix";
  const everyPath = path === undefined || (isPrefix && path.value === "/");
  return everyPath && headers.length === 0 && queryParameters.length === 0 && Object.keys(more).length === 0;
}

/** Which clients a route is for. */
export interface RouteSource {
  readonly namespace?: string;
  /** Labels that their pods must have. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface HeaderChanges {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

export interface HeaderValue {
  readonly name: string;
  /** Envoy's commands, such as `%PROTOCOL%`, are filled in; `%%` is a percent sign. */
  readonly value: string;
}

export const noHeaderChanges: HeaderChanges = { set: [], add: [], remove: [] };

/** What becomes of a request's path; its query stays. */
export type PathChange =
  | { readonly kind: "whole"; readonly path: string }
  /** The prefix that the route matches by makes room for another; `/` is none. */
  | { readonly kind: "prefix"; readonly prefix: string; readonly replacement: string }
  /** What the route matches by, a prefix or all of the path, makes room for a text, letter by letter. */
  | { readonly kind: "matched"; readonly replacement: string }
  /** What a regular expression finds makes room for a text, in which `\\1` is its first group. */
  | { readonly kind: "expression"; readonly expression: string; readonly substitution: string };

export const redirectStatuses = [301, 302, 303, 307, 308] as const;

/** An answer that sends the client elsewhere. What is undefined stays as it is in the request. */
export interface Redirect {
  readonly status: (typeof redirectStatuses)[number];
  readonly scheme: "http" | "https" | undefined;
  readonly hostname: string | undefined;
  /** `request`: the one that the request came to; undefined: none beside what the Host says. */
  readonly port: number | "request" | undefined;
  readonly path: PathChange | undefined;
}

/** What the backend sees otherwise than the client has sent it. */
export interface Rewrite {
  readonly hostname: string | undefined;
  readonly path: PathChange | undefined;
}

/** Bytes of the longest body that an answer of a proxy's own may have. */
export const largestAnswer = 1_048_576;

/** An answer of the proxy's own. */
export interface DirectResponse {
  readonly status: number;
  readonly body: string;
  /** Set where the body is bytes, written so. */
  readonly encoding?: "base64";
}

/** What is done to requests on purpose, on the client's side, before they go anywhere. Percentages: 0 to 100. */
export interface FaultInjection {
  readonly delay?: { readonly milliseconds: number; readonly percentage: number };
  readonly abort?: {
    /** A status of HTTP, or one of gRPC (0 to 16). */
    readonly status: { readonly kind: "http" | "grpc"; readonly code: number };
    readonly percentage: number;
  };
}

/** Where copies of requests go; their answers are seen by nobody. */
export interface Mirror {
  /** Undefined where the backend cannot be used: nothing is copied. */
  readonly service: ServicePortReference | undefined;
  readonly subset?: string;
  /** 0 to 100; fractions count. */
  readonly percentage: number;
}

/** Which other sites' pages may call. https://fetch.spec.whatwg.org/#http-cors-protocol */
export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatcher[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly allowCredentials: boolean;
  /** Whether a preflight from elsewhere goes on to the backend; else it is answered without the headers that permit. */
  readonly forwardUnmatchedPreflights: boolean;
}

/** Conditions of a retry under which no request was processed. */
export const unprocessedConditions: readonly string[] = [
  "connect-failure",
  "refused-stream",
  "reset-before-request",
];

/** When a request is sent again, in the place of the default, which repeats only what was provably not processed. */
export interface RetryPolicy {
  /** How many times again; 0: never. */
  readonly attempts: number;
  /** Conditions by Envoy's names, e.g. `5xx`, `connect-failure`, `cancelled`; those of gRPC among them. */
  readonly on: readonly string[];
  /** Statuses of answers that are not taken for good. */
  readonly statuses: readonly number[];
  /** The first wait in milliseconds; later ones grow up to ten times that. */
  readonly backoffMs?: number;
  /** Whether another attempt avoids endpoints that an earlier one went to; by default it does. */
  readonly samePreviousEndpoints?: boolean;
  /** Whether another attempt may leave the locality of the first. */
  readonly otherLocalities?: boolean;
}

/** Requests of one session go to one endpoint, as long as it is there. https://gateway-api.sigs.k8s.io/geps/gep-1619/ */
export interface SessionPersistence {
  readonly kind: "cookie" | "header";
  readonly name: string;
  /** Milliseconds that a session lasts; undefined: as long as the client keeps its cookie. */
  readonly lifetimeMs?: number;
}

/** A share of a route's traffic. */
export interface RouteDestination {
  /** Undefined where the backend cannot be used: its share is answered with an error. */
  readonly service: ServicePortReference | undefined;
  readonly subset?: string;
  readonly weight: number;
  /** The Host that it sees, in the place of the client's and of the route's. */
  readonly hostname?: string;
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  /** Of this service, where the route itself has no sessions. */
  readonly sessionPersistence?: SessionPersistence;
}

/** One rule, in the order in which rules are tried. Both route APIs end as this. */
export interface Route {
  readonly name: string;
  /** A gRPC client reads its errors from other statuses. */
  readonly protocol: "http" | "grpc";
  readonly match: RouteMatch;
  /** Undefined: for all clients. */
  readonly source?: RouteSource;
  /** Gateway API's precedence, the greater the earlier; empty where the order of the object decides. */
  readonly rank: readonly number[];
  readonly destinations: readonly RouteDestination[];
  /** Instead of sending the request anywhere, as is a direct response. */
  readonly redirect?: Redirect;
  readonly directResponse?: DirectResponse;
  readonly rewrite?: Rewrite;
  readonly fault?: FaultInjection;
  readonly mirrors?: readonly Mirror[];
  readonly cors?: CorsPolicy;
  readonly retries?: RetryPolicy;
  readonly sessionPersistence?: SessionPersistence;
  /** What proxies count its requests under, beside all others. */
  readonly statPrefix?: string;
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
