import type { KubernetesObject } from "../object.ts";
import type { IstioStatus } from "./status.ts";
import type { StringMatch } from "./string-match.ts";
import type {
  HttpFault,
  HttpRedirect,
  HttpRetries,
  HttpRewrite,
  IstioCors,
  Percentage,
} from "./virtual-service-http.ts";

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export interface VirtualService extends KubernetesObject {
  readonly kind: "VirtualService";
  readonly spec: {
    readonly hosts?: readonly string[];
    readonly gateways?: readonly string[];
    readonly http?: readonly IstioHttpRoute[];
    readonly tls?: readonly IstioTlsRoute[];
    readonly tcp?: readonly IstioTcpRoute[];
    readonly exportTo?: readonly string[];
  };
  readonly status?: IstioStatus;
}

export interface IstioHttpRoute {
  readonly name?: string;
  readonly match?: readonly IstioHttpMatch[];
  readonly route?: readonly IstioHttpRouteDestination[];
  readonly redirect?: HttpRedirect;
  readonly directResponse?: {
    readonly status: number;
    /** `bytes` in base64. */
    readonly body?: { readonly string?: string; readonly bytes?: string };
  };
  readonly delegate?: { readonly name?: string; readonly namespace?: string };
  readonly rewrite?: HttpRewrite;
  readonly timeout?: string;
  readonly retries?: HttpRetries;
  readonly fault?: HttpFault;
  readonly mirror?: IstioDestination;
  readonly mirrors?: readonly {
    readonly destination: IstioDestination;
    readonly percentage?: Percentage;
  }[];
  readonly mirrorPercentage?: Percentage;
  /** Deprecated, as `mirror_percent` is. */
  readonly mirrorPercent?: number;
  readonly mirror_percent?: number;
  readonly corsPolicy?: IstioCors;
  readonly headers?: IstioHeaders;
}

export interface IstioHttpRouteDestination extends IstioRouteDestination {
  readonly headers?: IstioHeaders;
}

/** Where connections go, and what part of them. */
export interface IstioRouteDestination {
  readonly destination: IstioDestination;
  readonly weight?: number;
}

export interface IstioHttpMatch {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly gateways?: readonly string[];
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  readonly ignoreUriCase?: boolean;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
  readonly sourceNamespace?: string;
  readonly statPrefix?: string;
}

export interface IstioTcpRoute {
  readonly match?: readonly IstioTcpMatch[];
  readonly route?: readonly IstioRouteDestination[];
}

export interface IstioTcpMatch {
  readonly destinationSubnets?: readonly string[];
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly gateways?: readonly string[];
  readonly sourceNamespace?: string;
  /** Istio has it, and gives it no effect. */
  readonly sourceSubnet?: string;
}

export interface IstioTlsRoute {
  readonly match: readonly IstioTlsMatch[];
  readonly route?: readonly IstioRouteDestination[];
}

export interface IstioTlsMatch extends Omit<IstioTcpMatch, "sourceSubnet"> {
  readonly sniHosts: readonly string[];
}

export interface IstioDestination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: { readonly number?: number };
}

export interface IstioHeaders {
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
}

export interface HeaderOperations {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}
