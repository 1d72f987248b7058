import type { KubernetesObject } from "../kubernetes/object.ts";
import type { IstioStatus } from "./status.ts";

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
export interface DestinationRule extends KubernetesObject {
  readonly kind: "DestinationRule";
  readonly spec: {
    readonly host: string;
    readonly trafficPolicy?: IstioTrafficPolicy;
    readonly subsets?: readonly {
      readonly name: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly trafficPolicy?: IstioTrafficPolicy;
    }[];
  };
  readonly status?: IstioStatus;
}

export interface IstioTrafficPolicy {
  readonly loadBalancer?: {
    readonly simple?:
      | "UNSPECIFIED"
      | "ROUND_ROBIN"
      | "RANDOM"
      | "LEAST_REQUEST"
      | "LEAST_CONN"
      | "PASSTHROUGH";
  };
  readonly tls?: { readonly mode?: string };
}
