import type { KubernetesObject } from "../object.ts";
import type { RouteFilter } from "./filters.ts";
import type { BackendReference, ParentReference } from "./references.ts";
import type { SessionPersistence } from "./session-persistence.ts";
import type { RouteStatus } from "./status.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export interface HttpRoute extends KubernetesObject {
  readonly kind: "HTTPRoute";
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly HttpRouteRule[];
  };
  readonly status?: RouteStatus;
}

export interface HttpRouteRule {
  readonly name?: string;
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly HttpBackendReference[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: HttpRouteRetry;
  readonly sessionPersistence?: SessionPersistence;
}

/** Experimental. https://gateway-api.sigs.k8s.io/reference/spec/#httprouteretry */
export interface HttpRouteRetry {
  /** The statuses that are retried, from 400 to 599. */
  readonly codes?: readonly number[];
  /** How often a request is retried. */
  readonly attempts?: number;
  /** The least wait before a retry: a duration such as `100ms`. */
  readonly backoff?: string;
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: "Exact" | "PathPrefix" | "RegularExpression"; readonly value?: string };
  readonly headers?: readonly NameValueMatch[];
  readonly queryParams?: readonly NameValueMatch[];
  readonly method?: string;
}

export interface NameValueMatch {
  readonly type?: "Exact" | "RegularExpression";
  readonly name: string;
  readonly value: string;
}

export interface HttpBackendReference extends BackendReference {
  readonly filters?: readonly RouteFilter[];
}
