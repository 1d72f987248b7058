import type { Origin } from "./reference.ts";

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/ (`metav1.Condition`) */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** The `metadata.generation` that this is about. */
  readonly observedGeneration?: number;
  /** RFC 3339: when `status` was last another. */
  readonly lastTransitionTime: string;
}

/** A status that an object shall have and has not: there is one exactly while there is something to write. */
export interface DesiredStatus {
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly namespace?: string; readonly name: string };
  };
  /** The whole status, with what other controllers have written into lists that can only be written whole. */
  readonly status: Readonly<Record<string, unknown>>;
}

/** A resource that a proxy refused, with the objects that it was made of. */
export interface RejectedResource {
  /** What the proxy said. */
  readonly message: string;
  readonly origins: readonly Origin[];
}
