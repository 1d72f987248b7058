import type { KubernetesObject } from "../object.ts";
import type { PolicyStatus, PolicyTargetReference } from "./policy-status.ts";
import type { SessionPersistence } from "./session-persistence.ts";

/** Experimental. https://gateway-api.sigs.k8s.io/geps/gep-3388/, https://gateway-api.sigs.k8s.io/geps/gep-1619/ */
export interface BackendTrafficPolicy extends KubernetesObject {
  readonly kind: "XBackendTrafficPolicy";
  readonly spec: {
    readonly targetRefs: readonly Omit<PolicyTargetReference, "sectionName">[];
    readonly retryConstraint?: RetryConstraint;
    readonly sessionPersistence?: SessionPersistence;
  };
  readonly status?: PolicyStatus;
}

export interface RetryConstraint {
  /** How many of the requests of an interval may be retries; 20 percent in `10s` by default. */
  readonly budget?: { readonly percent?: number; readonly interval?: string };
  /** Retries that are allowed whatever the budget says; 10 in `1s` by default. */
  readonly minRetryRate?: { readonly count?: number; readonly interval?: string };
}
