import type { KubernetesObject } from "../object.ts";
import type { ParentReference } from "./references.ts";
import type { RouteStatus } from "./status.ts";
import type { ConnectionRouteRule } from "./tcp-route.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#tlsroute */
export interface TlsRoute extends KubernetesObject {
  readonly kind: "TLSRoute";
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[];
    /** Compared with the SNI; required from version v1 on. */
    readonly hostnames?: readonly string[];
    readonly rules: readonly ConnectionRouteRule[];
  };
  readonly status?: RouteStatus;
}
