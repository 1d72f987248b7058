import type { PolicyStatus, PolicyTargetReference } from "../gateway-api/policy-status.ts";
import type { KubernetesObject } from "../object.ts";

/** How many requests a service, a route or a gateway takes: src/install/crds/rate-limit.ts describes every field. */
export interface RateLimit extends KubernetesObject {
  readonly kind: "RateLimit";
  readonly spec: {
    /** Services, HTTPRoutes, GRPCRoutes and Gateways of the Gateway API. */
    readonly targetRefs: readonly PolicyTargetReference[];
    /** Each request must be within all limits that it matches. */
    readonly limits: readonly RequestLimit[];
    readonly response?: {
      /** 429 by default. */
      readonly status?: number;
      readonly headers?: readonly { readonly name: string; readonly value: string }[];
    };
  };
  readonly status?: PolicyStatus;
}

export interface RequestLimit {
  /** Per `unit`. */
  readonly requests: number;
  readonly unit: "Second" | "Minute" | "Hour" | "Day";
  /** The size of the bucket; `requests` by default. */
  readonly burst?: number;
  /** What has a count of its own each; without it, one count for all requests. */
  readonly key?: readonly LimitKey[];
  /** Which requests are counted; all by default. */
  readonly match?: LimitMatch;
}

export interface LimitKey {
  readonly type: "Header" | "Path" | "Method" | "SourceIdentity" | "SourceNamespace";
  /** Its name, for the type `Header`. */
  readonly header?: string;
}

/** All that is there must hold. */
export interface LimitMatch {
  readonly methods?: readonly string[];
  readonly path?: { readonly type?: "Exact" | "PathPrefix"; readonly value: string };
  readonly headers?: readonly {
    readonly type?: "Exact" | "RegularExpression";
    readonly name: string;
    readonly value: string;
  }[];
}
