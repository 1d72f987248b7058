import type { DestinationRule } from "#model/istio/destination-rule.ts";
import type { IstioGateway } from "#model/istio/gateway.ts";
import { isForMesh } from "#model/istio/gateway-names.ts";
import type { ServiceEntry } from "#model/istio/service-entry.ts";
import type { Sidecar } from "#model/istio/sidecar.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import type { WorkloadEntry } from "#model/istio/workload-entry.ts";
import type { Condition } from "#model/status.ts";
import { gatewayKeysOf } from "../routing/istio-servers.ts";
import { type ConditionContext, conditionsOf, holds, type Verdict } from "./conditions.ts";
import { accepted, type Facts, messageOf, programmed, resolvedRefs, unsupportedValues } from "./facts.ts";

/** The conditions of an Istio object, ours among those of others, in their places: the list can only be written whole. */
export function istioConditions(
  object: VirtualService | DestinationRule | ServiceEntry | WorkloadEntry | Sidecar | IstioGateway,
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
      return acceptedForParents(object, facts);
    case "ServiceEntry":
      return acceptedForSome(object.spec.hosts?.length ?? 0, ["spec.hosts"], facts);
    case "DestinationRule":
      return acceptedOf("spec.host", facts);
    case "Gateway":
      return acceptedForServers(object, facts);
    case "Sidecar":
    case "WorkloadEntry":
      return acceptedOf("spec", facts);
  }
}

/** In the mesh each host is like a parent of a route, outside of it each gateway; one that has effect is enough. */
function acceptedForParents(virtualService: VirtualService, facts: Facts): Verdict {
  const { hosts = [] } = virtualService.spec;
  const gateways = gatewayKeysOf(virtualService);
  const parents = gateways.length + (isForMesh(virtualService) ? hosts.length : 0);
  return acceptedForSome(parents, ["spec.hosts", "spec.gateways"], facts);
}

function acceptedForServers({ spec }: IstioGateway, facts: Facts): Verdict {
  const unselected = facts.problems.filter(
    ({ field, reason }) => field === "spec.selector" && reason !== undefined,
  );
  if (unselected.length > 0) return accepted(unselected);
  return acceptedForSome(spec.servers?.length ?? 0, ["spec.servers"], facts);
}

function acceptedForSome(parents: number, fields: readonly string[], facts: Facts): Verdict {
  const refused = facts.problems.filter(
    ({ field = "", reason }) => reason !== undefined && fields.some((name) => field.startsWith(name)),
  );
  const others = unsupportedValues(facts).filter((problem) => !refused.includes(problem));
  if (others.length > 0 || refused.length >= parents) return accepted([...refused, ...others]);
  return refused.length === 0
    ? accepted([])
    : holds("Accepted", "Accepted", `it has effect on some of what it is for: ${messageOf(refused)}`);
}

/** `place`: the field that says what the object is for. */
function acceptedOf(place: string, facts: Facts): Verdict {
  const host = facts.problems.filter(({ field, reason }) => reason !== undefined && field === place);
  return accepted([...host, ...unsupportedValues(facts).filter((problem) => !host.includes(problem))]);
}
