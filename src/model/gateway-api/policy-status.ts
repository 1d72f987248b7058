import type { Condition } from "../status.ts";
import type { ParentReference } from "./references.ts";

/** What a policy's status says. https://gateway-api.sigs.k8s.io/reference/spec/#policystatus */
export interface PolicyStatus {
  /** One for each target and controller, 16 at most; a list that can only be written whole. */
  readonly ancestors: readonly PolicyAncestorStatus[];
}

export interface PolicyAncestorStatus {
  readonly ancestorRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** What a policy is for, in its own namespace. https://gateway-api.sigs.k8s.io/reference/spec/#localpolicytargetreferencewithsectionname */
export interface PolicyTargetReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** A listener of a Gateway, a server of one of Istio's, a port of a Service or a rule of a route, by its name. */
  readonly sectionName?: string;
}
