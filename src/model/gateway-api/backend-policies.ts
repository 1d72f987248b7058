import type { BackendPolicy } from "../backend-policy.ts";
import { present } from "../present.ts";
import { objectKey, referenceOf } from "../reference.ts";
import type { BackendTrafficPolicy } from "./backend-traffic-policy.ts";
import { isServiceParent, parentObject } from "./references.ts";
import { retryBudget } from "./retry-budget.ts";
import { sessionFault, sessionPersistence } from "./sessions.ts";

/** API object → domain type. */
export function backendPolicy(policy: BackendTrafficPolicy): BackendPolicy {
  const { namespace = "default", name, creationTimestamp } = policy.metadata;
  const { targetRefs, retryConstraint, sessionPersistence: session } = policy.spec;
  return {
    metadata: { namespace, name, ...present({ creationTimestamp }) },
    services: targetRefs.filter(isServiceParent).map((target) => parentObject(target, namespace)),
    ...present({
      retryBudget: retryConstraint === undefined ? undefined : retryBudget(retryConstraint),
      sessionPersistence:
        session === undefined || sessionFault(session) !== undefined
          ? undefined
          : sessionPersistence(session, objectKey(policy.metadata)),
    }),
    origin: referenceOf(policy),
  };
}
