import type { Condition } from "../status.ts";
import type { ParentReference } from "./references.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#routestatus */
export interface RouteStatus {
  /** One for each parent and controller; a list that can only be written whole. */
  readonly parents: readonly RouteParentStatus[];
}

export interface RouteParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#gatewaystatus */
export interface GatewayStatus {
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}
