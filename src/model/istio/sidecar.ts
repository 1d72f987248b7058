import type { KubernetesObject } from "../object.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { ServerTls } from "./server-tls.ts";
import type { IstioStatus } from "./status.ts";
import type { IstioDestination } from "./virtual-service.ts";
import type { WorkloadSelector } from "./workload-selector.ts";

/** https://istio.io/latest/docs/reference/config/networking/sidecar/ */
export interface Sidecar extends KubernetesObject {
  readonly kind: "Sidecar";
  readonly spec: {
    /** Without it, all pods of the namespace. */
    readonly workloadSelector?: WorkloadSelector;
    readonly ingress?: readonly SidecarIngress[];
    readonly egress?: readonly SidecarEgress[];
    readonly inboundConnectionPool?: ConnectionPool;
    readonly outboundTrafficPolicy?: {
      readonly mode?: "REGISTRY_ONLY" | "ALLOW_ANY";
      readonly egressProxy?: IstioDestination;
    };
  };
  readonly status?: IstioStatus;
}

export interface SidecarPort {
  readonly number?: number;
  readonly protocol?: string;
  readonly name?: string;
  /** Istio has it, and gives it no effect. */
  readonly targetPort?: number;
}

export type CaptureMode = "DEFAULT" | "IPTABLES" | "NONE";

export interface SidecarIngress {
  readonly port: SidecarPort;
  readonly bind?: string;
  readonly captureMode?: CaptureMode;
  /** `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT`, `[::]:PORT` or `unix:///PATH`. */
  readonly defaultEndpoint?: string;
  readonly tls?: ServerTls;
  readonly connectionPool?: ConnectionPool;
}

export interface SidecarEgress {
  readonly port?: SidecarPort;
  readonly bind?: string;
  readonly captureMode?: CaptureMode;
  /** `namespace/host`, where the namespace may be `*`, `.` or `~` and the host may begin with `*`. */
  readonly hosts: readonly string[];
}
