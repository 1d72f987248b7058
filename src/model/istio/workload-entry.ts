import type { KubernetesObject } from "../object.ts";
import type { IstioStatus } from "./status.ts";

/** https://istio.io/latest/docs/reference/config/networking/workload-entry/ */
export interface WorkloadEntry extends KubernetesObject {
  readonly kind: "WorkloadEntry";
  readonly spec: IstioEndpoint;
  readonly status?: IstioStatus;
}

/** A workload that is no pod: an object of its own, or an endpoint of a ServiceEntry. */
export interface IstioEndpoint {
  /** An IP address, a host name, or `unix://` and a path. */
  readonly address?: string;
  /** The name of a port of the service to its number here. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly network?: string;
  /** `region/zone/subzone` */
  readonly locality?: string;
  readonly weight?: number;
  readonly serviceAccount?: string;
}
