import type { KubernetesObject, LabelSelector } from "../object.ts";
import type { GatewayStatus } from "./status.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#gateway */
export interface Gateway extends KubernetesObject {
  readonly kind: "Gateway";
  readonly spec: {
    readonly gatewayClassName: string;
    /** What the objects that run it have besides. */
    readonly infrastructure?: { readonly labels?: Readonly<Record<string, string>> };
    readonly listeners: readonly {
      readonly name: string;
      readonly hostname?: string;
      readonly port: number;
      readonly protocol: string;
      readonly allowedRoutes?: {
        readonly namespaces?: {
          readonly from?: "All" | "Same" | "Selector" | "None";
          /** Of namespaces, where `from` is `Selector`. */
          readonly selector?: LabelSelector;
        };
        readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
      };
    }[];
  };
  readonly status?: GatewayStatus;
}
