import type { KubernetesObject } from "../object.ts";
import type { IstioStatus } from "./status.ts";
import type { IstioEndpoint } from "./workload-entry.ts";
import type { WorkloadSelector } from "./workload-selector.ts";

/** https://istio.io/latest/docs/reference/config/networking/service-entry/ */
export interface ServiceEntry extends KubernetesObject {
  readonly kind: "ServiceEntry";
  readonly spec: {
    readonly hosts: readonly string[];
    /** Addresses or CIDRs. */
    readonly addresses?: readonly string[];
    readonly ports?: readonly IstioServicePort[];
    /** `MESH_EXTERNAL` by default. */
    readonly location?: "MESH_EXTERNAL" | "MESH_INTERNAL";
    /** `NONE` by default. */
    readonly resolution?: "NONE" | "STATIC" | "DNS" | "DNS_ROUND_ROBIN" | "DYNAMIC_DNS";
    /** Not together with `workloadSelector`. */
    readonly endpoints?: readonly IstioEndpoint[];
    readonly workloadSelector?: WorkloadSelector;
    readonly exportTo?: readonly string[];
    readonly subjectAltNames?: readonly string[];
  };
  readonly status?: IstioStatus & {
    readonly addresses?: readonly { readonly value?: string; readonly host?: string }[];
  };
}

export interface IstioServicePort {
  readonly number: number;
  readonly name: string;
  /** HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, in any case. */
  readonly protocol?: string;
  readonly targetPort?: number;
}
