import type { KubernetesObject } from "../object.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { IstioLoadBalancer } from "./load-balancer.ts";
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
    readonly exportTo?: readonly string[];
    /** Of the clients that the rule is for, in its own namespace. */
    readonly workloadSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  readonly status?: IstioStatus;
}

/** What a port may have as well as a host. */
export interface IstioPortPolicy {
  readonly loadBalancer?: IstioLoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTls;
}

export interface IstioTrafficPolicy extends IstioPortPolicy {
  /** In place of the whole of what is said for the host. */
  readonly portLevelSettings?: readonly (IstioPortPolicy & {
    readonly port?: { readonly number?: number };
  })[];
  readonly tunnel?: {
    /** `CONNECT`, the default, or `POST`. */
    readonly protocol?: string;
    readonly targetHost: string;
    readonly targetPort: number;
  };
  readonly proxyProtocol?: { readonly version?: "V1" | "V2" };
  readonly retryBudget?: {
    /** Of active requests; 20 by default. */
    readonly percent?: number;
    /** 3 by default. */
    readonly minRetryConcurrency?: number;
    readonly budgetInterval?: string;
  };
}

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection */
export interface OutlierDetection {
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly consecutiveGatewayErrors?: number;
  /** 5 by default; 0 switches it off. */
  readonly consecutive5xxErrors?: number;
  /** Deprecated: `consecutive5xxErrors`. */
  readonly consecutiveErrors?: number;
  /** `10s` by default. */
  readonly interval?: string;
  /** `30s` by default. */
  readonly baseEjectionTime?: string;
  /** 10 by default. */
  readonly maxEjectionPercent?: number;
  /** 0 by default. */
  readonly minHealthPercent?: number;
  readonly outlierDetectionHttpErrorCodes?: readonly number[];
}

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings */
export interface ClientTls {
  readonly mode?: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  // Paths of files in the container of the proxy.
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  /** The name of a Secret. */
  readonly credentialName?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
  readonly insecureSkipVerify?: boolean;
}

/** The Secrets that a rule names. */
export function credentialNames({ spec }: DestinationRule): readonly string[] {
  const policies = [spec.trafficPolicy, ...(spec.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)];
  const names = policies
    .flatMap((policy) => [policy?.tls, ...(policy?.portLevelSettings ?? []).map(({ tls }) => tls)])
    .flatMap((tls) => (tls?.credentialName === undefined ? [] : [tls.credentialName]));
  return [...new Set(names)];
}
