import type { KubernetesObject } from "../object.ts";
import type { ServerTls } from "./server-tls.ts";
import type { IstioStatus } from "./status.ts";

/** https://istio.io/latest/docs/reference/config/networking/gateway/ */
export interface IstioGateway extends KubernetesObject {
  readonly kind: "Gateway";
  readonly spec: {
    /** Labels of the pods that are the gateway. */
    readonly selector?: Readonly<Record<string, string>>;
    readonly servers?: readonly IstioServer[];
  };
  readonly status?: IstioStatus;
}

export interface IstioServer {
  readonly name?: string;
  readonly port: {
    readonly number: number;
    readonly name: string;
    /** HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, in any case. */
    readonly protocol: string;
    /** Istio has it, and gives it no effect. */
    readonly targetPort?: number;
  };
  readonly bind?: string;
  /** `host` or `namespace/host`, where the namespace may be `*` or `.` and the host may begin with `*`. */
  readonly hosts: readonly string[];
  readonly tls?: ServerTls;
  /** Istio has it, and gives it no effect. */
  readonly defaultEndpoint?: string;
}
