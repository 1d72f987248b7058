import type { KubernetesObject } from "../object.ts";
import type { BackendReference, ParentReference } from "./references.ts";
import type { RouteStatus } from "./status.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#tcproute */
export interface TcpRoute extends KubernetesObject {
  readonly kind: "TCPRoute";
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[];
    readonly rules: readonly ConnectionRouteRule[];
  };
  readonly status?: RouteStatus;
}

/** Where connections go: TCPRoutes and TLSRoutes have the same. */
export interface ConnectionRouteRule {
  readonly name?: string;
  readonly backendRefs: readonly BackendReference[];
}
