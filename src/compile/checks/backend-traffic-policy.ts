import type { Fetch } from "#collections/graph.ts";
import type { BackendTrafficPolicy } from "#model/gateway-api/backend-traffic-policy.ts";
import { isServiceParent, istioGroup, parentObject } from "#model/gateway-api/references.ts";
import { objectKey } from "#model/reference.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { backendPolicyOf } from "../routing/backend-policies.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkSessions } from "./sessions.ts";

/** Whether the targets of an XBackendTrafficPolicy are there, and it is the one that counts for them. */
export function checkBackendTrafficPolicy(
  policy: BackendTrafficPolicy,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return [
    ...policy.spec.targetRefs.flatMap((target, index) =>
      checkTarget(policy, target, `spec.targetRefs[${index}]`, inputs, fetch),
    ),
    ...checkSessions(policy.spec.sessionPersistence, 1, "spec.sessionPersistence"),
  ];
}

function checkTarget(
  policy: BackendTrafficPolicy,
  target: BackendTrafficPolicy["spec"]["targetRefs"][number],
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { group, kind } = target;
  if (!isServiceParent(target)) {
    const message = `${kind}${group === "" ? "" : ` of ${group}`} has no backends; name a Service, or a ServiceEntry of ${istioGroup}`;
    return [error(`${field}.kind`, message, "TargetNotFound")];
  }
  const object = parentObject(target, policy.metadata.namespace ?? "default");
  const [service] = fetch.by(inputs.routing.servicesByObject, object);
  if (service === undefined) {
    const message = `there is no ${object}; define it or correct the name`;
    return [error(`${field}.name`, message, "TargetNotFound")];
  }
  const first = backendPolicyOf(inputs.routing, fetch, service);
  if (first === undefined || objectKey(first.metadata) === objectKey(policy.metadata)) return [];
  const message = `has no effect on ${object}: ${first.origin.kind} ${objectKey(first.metadata)} is for it, too, and goes first; merge the two`;
  return [warning(field, message, "Conflicted")];
}
