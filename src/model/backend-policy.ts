import type { ObjectMeta } from "./object.ts";
import type { RetryBudget } from "./policy.ts";
import type { Origin } from "./reference.ts";
import type { SessionPersistence } from "./route.ts";

/** What one object says of services, to all of their clients. */
export interface BackendPolicy {
  /** By which of several the first is found. */
  readonly metadata: Required<Pick<ObjectMeta, "namespace" | "name">> & Pick<ObjectMeta, "creationTimestamp">;
  /** The objects that define them, see `objectOfService`. */
  readonly services: readonly string[];
  /** How many retries they bear. */
  readonly retryBudget?: RetryBudget;
  /** Of all requests to them. */
  readonly sessionPersistence?: SessionPersistence;
  readonly origin: Origin;
}
