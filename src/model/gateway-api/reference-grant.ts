import type { KubernetesObject } from "../object.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
export interface ReferenceGrant extends KubernetesObject {
  readonly kind: "ReferenceGrant";
  readonly spec: {
    readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}
