import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { Condition } from "#model/status.ts";
import { type ConditionContext, conditionsOf, holds, type Verdict } from "./conditions.ts";
import { accepted, type Facts, messageOf, programmed, resolvedRefs, unsupportedValues } from "./facts.ts";

/** The conditions of an Istio object, ours among those of others, in their places: the list can only be written whole. */
export function istioConditions(
  object: VirtualService | DestinationRule,
  facts: Facts,
  context: ConditionContext,
): readonly Condition[] {
  const present = object.status?.conditions ?? [];
  const acceptance =
    object.kind === "VirtualService" ? acceptedForHosts(object, facts) : acceptedForHost(facts);
  const verdicts = [acceptance, resolvedRefs(facts), programmed(facts, acceptance)];
  const wanted = conditionsOf(verdicts, present, context);
  const kept = present.map((condition) => wanted.find(({ type }) => type === condition.type) ?? condition);
  return [...kept, ...wanted.filter((condition) => !kept.includes(condition))];
}

/** Each host is like a parent of a route; one that has effect is enough. */
function acceptedForHosts({ spec }: VirtualService, facts: Facts): Verdict {
  const hosts = facts.problems.filter(
    ({ field = "", reason }) => reason !== undefined && field.startsWith("spec.hosts"),
  );
  const others = unsupportedValues(facts).filter((problem) => !hosts.includes(problem));
  if (others.length > 0 || hosts.length >= (spec.hosts ?? []).length) return accepted([...hosts, ...others]);
  return hosts.length === 0
    ? accepted([])
    : holds("Accepted", "Accepted", `it has effect on some hosts: ${messageOf(hosts)}`);
}

function acceptedForHost(facts: Facts): Verdict {
  const host = facts.problems.filter(({ field, reason }) => reason !== undefined && field === "spec.host");
  return accepted([...host, ...unsupportedValues(facts).filter((problem) => !host.includes(problem))]);
}
