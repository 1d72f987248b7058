import type { PolicyAncestorStatus, PolicyTargetReference } from "#model/gateway-api/policy-status.ts";
import { gatewayController } from "#model/installation.ts";
import type { Problem } from "#model/reference.ts";
import type { Policy } from "../policy-targets.ts";
import { type ConditionContext, conditionsOf, type Verdict } from "./conditions.ts";
import { accepted, type Facts, programmed } from "./facts.ts";

/**
 * What is said of a policy, for each of its targets: they are its ancestors. What other controllers say stays, for the
 * list can only be written whole. https://gateway-api.sigs.k8s.io/geps/gep-713/
 */
export function policyAncestors(
  policy: Policy,
  facts: Facts,
  context: ConditionContext,
): readonly PolicyAncestorStatus[] {
  const present = policy.status?.ancestors ?? [];
  const own = policy.spec.targetRefs.map((target, index): PolicyAncestorStatus => {
    const before = present.find((status) => isStatusOf(status, target));
    return {
      ancestorRef: { ...target },
      controllerName: gatewayController,
      conditions: conditionsOf(verdicts(index, facts), before?.conditions, context),
    };
  });
  return [...own, ...present.filter(({ controllerName }) => controllerName !== gatewayController)];
}

function isStatusOf(
  { controllerName, ancestorRef }: PolicyAncestorStatus,
  target: PolicyTargetReference,
): boolean {
  return (
    controllerName === gatewayController &&
    (["group", "kind", "name", "sectionName"] as const).every((field) => ancestorRef[field] === target[field])
  );
}

/** A problem is about one target, or about the policy and so about all. */
function verdicts(index: number, { problems, rejections }: Facts): readonly Verdict[] {
  const place = `spec.targetRefs[${index}]`;
  const isAbout = ({ field = "" }: Problem) =>
    field === place || field.startsWith(`${place}.`) || !field.startsWith("spec.targetRefs[");
  const acceptance = accepted(problems.filter((problem) => problem.reason !== undefined && isAbout(problem)));
  return [acceptance, programmed({ problems, rejections }, acceptance)];
}
