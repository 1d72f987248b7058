import type { KubernetesObject } from "../object.ts";
import type { Condition } from "../status.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#gatewayclass */
export interface GatewayClass extends KubernetesObject {
  readonly kind: "GatewayClass";
  readonly spec: { readonly controllerName: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}
