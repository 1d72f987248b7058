import type { KubernetesObject } from "../object.ts";
import type { RouteFilter } from "./filters.ts";
import type { NameValueMatch } from "./http-route.ts";
import type { BackendReference, ParentReference } from "./references.ts";
import type { SessionPersistence } from "./session-persistence.ts";
import type { RouteStatus } from "./status.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute */
export interface GrpcRoute extends KubernetesObject {
  readonly kind: "GRPCRoute";
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly GrpcRouteRule[];
  };
  readonly status?: RouteStatus;
}

export interface GrpcRouteRule {
  readonly name?: string;
  readonly matches?: readonly GrpcRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly GrpcBackendReference[];
  readonly sessionPersistence?: SessionPersistence;
}

export interface GrpcRouteMatch {
  readonly method?: {
    readonly type?: "Exact" | "RegularExpression";
    readonly service?: string;
    readonly method?: string;
  };
  readonly headers?: readonly NameValueMatch[];
}

export interface GrpcBackendReference extends BackendReference {
  readonly filters?: readonly RouteFilter[];
}
