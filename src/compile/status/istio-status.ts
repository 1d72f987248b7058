import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { ServiceEntry } from "#model/istio/service-entry.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { WorkloadEntry } from "#model/istio/workload-entry.ts";
import type { Condition } from "#model/status.ts";
import { type ConditionContext, conditionsOf, holds, type Verdict } from "./conditions.ts";
import { accepted, type Facts, messageOf, programmed, resolvedRefs, unsupportedValues } from "./facts.ts";

/** The conditions of an Istio object, ours among those of others, in their places: the list can only be written whole. */
export function istioConditions(
  object: VirtualService | DestinationRule | ServiceEntry | WorkloadEntry | Sidecar,
  facts: Facts,
  context: ConditionContext,
): readonly Condition[] {
  const present = object.status?.conditions ?? [];
  const acceptance = acceptanceOf(object, facts);
  const verdicts = [acceptance, resolvedRefs(facts), programmed(facts, acceptance)];
  const wanted = conditionsOf(verdicts, present, context);
  const kept = present.map((condition) => wanted.find(({ type }) => type === condition.type) ?? condition);
  return [...kept, ...wanted.filter((condition) => !kept.includes(condition))];
}

function acceptanceOf(object: Parameters<typeof istioConditions>[0], facts: Facts): Verdict {
  switch (object.kind) {
    case "VirtualService":
    case "ServiceEntry":
      return acceptedForHosts(object.spec.hosts ?? [], facts);
    case "DestinationRule":
      return acceptedOf("spec.host", facts);
    case "Sidecar":
    case "WorkloadEntry":
      return acceptedOf("spec", facts);
  }
}

/** Each host is like a parent of a route; one that has effect is enough. */
function acceptedForHosts(all: readonly string[], facts: Facts): Verdict {
  const hosts = facts.problems.filter(
    ({ field = "", reason }) => reason !== undefined && field.startsWith("spec.hosts"),
  );
  const others = unsupportedValues(facts).filter((problem) => !hosts.includes(problem));
  if (others.length > 0 || hosts.length >= all.length) return accepted([...hosts, ...others]);
  return hosts.length === 0
    ? accepted([])
    : holds("Accepted", "Accepted", `it has effect on some hosts: ${messageOf(hosts)}`);
}

/** `place`: the field that says what the object is for. */
function acceptedOf(place: string, facts: Facts): Verdict {
  const host = facts.problems.filter(({ field, reason }) => reason !== undefined && field === place);
  return accepted([...host, ...unsupportedValues(facts).filter((problem) => !host.includes(problem))]);
}
