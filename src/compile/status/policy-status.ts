// Statuses of policies: what becomes of each on the targets that it names.
import type {
  PolicyAncestorStatus,
  PolicyStatus,
  PolicyTargetReference,
} from "#model/gateway-api/policy-status.ts";
import { gatewayController } from "#model/installation.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Problem } from "#model/reference.ts";
import { type ConditionContext, conditionsOf } from "./conditions.ts";
import { accepted, type Facts, programmed, unsupportedValues } from "./facts.ts";

interface Policy extends KubernetesObject {
  readonly spec: { readonly targetRefs: readonly PolicyTargetReference[] };
  readonly status?: PolicyStatus;
}

/** No more fit. https://gateway-api.sigs.k8s.io/reference/spec/#policystatus */
const mostAncestors = 16;

/**
 * An ancestor for each target, beside those of other controllers as they are, for the list can only be written whole.
 * Entries keep their places, so that controllers do not undo each other's order.
 */
export function policyAncestors(
  policy: Policy,
  facts: Facts,
  context: ConditionContext,
): readonly PolicyAncestorStatus[] {
  const present = policy.status?.ancestors ?? [];
  const ours = policy.spec.targetRefs.map((target, index) => {
    const { group, kind, name, sectionName } = target;
    const ancestorRef = { group, kind, name, ...(sectionName === undefined ? {} : { sectionName }) };
    const before = present.find(
      (status) => status.controllerName === gatewayController && isFor(status.ancestorRef, target),
    );
    const place = `spec.targetRefs[${index}]`;
    const isAbout = ({ field = "" }: Problem) => field === place || field.startsWith(`${place}.`);
    const refusals = facts.problems.filter((problem) => problem.reason !== undefined && isAbout(problem));
    const acceptance = accepted([...refusals, ...unsupportedValues(facts).filter(isAboutNoTarget)]);
    const verdicts = [acceptance, programmed(facts, acceptance)];
    return {
      ancestorRef,
      controllerName: gatewayController,
      conditions: conditionsOf(verdicts, before?.conditions, context),
    };
  });
  const kept = present.flatMap((status) =>
    status.controllerName === gatewayController
      ? ours.filter(({ ancestorRef }) => isFor(status.ancestorRef, ancestorRef)).slice(0, 1)
      : [status],
  );
  return [...kept, ...ours.filter((status) => !kept.includes(status))].slice(0, mostAncestors);
}

function isAboutNoTarget({ field = "" }: Problem): boolean {
  return !field.startsWith("spec.targetRefs[");
}

function isFor(
  { group, kind, name, sectionName }: PolicyAncestorStatus["ancestorRef"],
  target: PolicyTargetReference,
): boolean {
  return (
    group === target.group &&
    kind === target.kind &&
    name === target.name &&
    sectionName === target.sectionName
  );
}
