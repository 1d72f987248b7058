import type { PolicyStatus, PolicyTargetReference } from "../gateway-api/policy-status.ts";
import type { KubernetesObject } from "../object.ts";

/** How many requests at once a service takes, found out by itself: src/install/crds/adaptive-concurrency.ts describes every field. */
export interface AdaptiveConcurrency extends KubernetesObject {
  readonly kind: "AdaptiveConcurrency";
  readonly spec: {
    /** Services. */
    readonly targetRefs: readonly PolicyTargetReference[];
    /** 3 by default. */
    readonly minConcurrency?: number;
    /** 1000 by default. */
    readonly maxConcurrency?: number;
    /** A duration; `100ms` by default. */
    readonly sampleWindow?: string;
    /** 90 by default. */
    readonly latencyPercentile?: number;
    readonly response?: {
      /** 503 by default. */
      readonly status?: number;
    };
  };
  readonly status?: PolicyStatus;
}
