import type { BackendReference } from "./references.ts";

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter; GRPCRoutes have some of these. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestRedirect?: RedirectFilter;
  readonly urlRewrite?: RewriteFilter;
  readonly requestMirror?: MirrorFilter;
  readonly cors?: CorsFilter;
  readonly externalAuth?: ExternalAuthFilter;
  readonly extensionRef?: { readonly group: string; readonly kind: string; readonly name: string };
}

export interface HeaderFilter {
  readonly set?: readonly { readonly name: string; readonly value: string }[];
  readonly add?: readonly { readonly name: string; readonly value: string }[];
  readonly remove?: readonly string[];
}

export interface RedirectFilter {
  readonly scheme?: string;
  readonly hostname?: string;
  readonly path?: PathModifier;
  readonly port?: number;
  readonly statusCode?: number;
}

export interface RewriteFilter {
  readonly hostname?: string;
  readonly path?: PathModifier;
}

export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

/** All requests are mirrored unless `percent` or `fraction`, of which one may be there, says less. */
export interface MirrorFilter {
  readonly backendRef: Omit<BackendReference, "weight">;
  readonly percent?: number;
  readonly fraction?: {
    readonly numerator: number;
    /** 100 by default. */
    readonly denominator?: number;
  };
}

export interface CorsFilter {
  readonly allowOrigins?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  /** In seconds; 5 by default. */
  readonly maxAge?: number;
}

export interface ExternalAuthFilter {
  readonly protocol: "HTTP" | "GRPC";
  readonly backendRef: Omit<BackendReference, "weight">;
  readonly grpc?: { readonly allowedHeaders?: readonly string[] };
  readonly http?: {
    readonly path?: string;
    readonly allowedHeaders?: readonly string[];
    readonly allowedResponseHeaders?: readonly string[];
  };
  /** `maxSize` in bytes. */
  readonly forwardBody?: { readonly maxSize?: number };
}
