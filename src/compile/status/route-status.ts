import { isServiceParent, type ParentReference } from "#model/gateway-api/references.ts";
import type { RouteParentStatus } from "#model/gateway-api/status.ts";
import { gatewayController } from "#model/installation.ts";
import type { Problem } from "#model/reference.ts";
import type { AnyRoute } from "../routing/attachments.ts";
import { type ConditionContext, conditionsOf, type Verdict } from "./conditions.ts";
import { accepted, type Facts, programmed, resolvedRefs, unsupportedValues } from "./facts.ts";

/**
 * The parents of a route's status: ours, and those of other controllers as they are, for the list can only be written
 * whole. Entries keep their places, so that controllers do not undo each other's order. Undefined: we have nothing to
 * say and said nothing before.
 */
export function routeParents(
  route: AnyRoute,
  isOurs: (parent: ParentReference) => boolean,
  facts: Facts,
  context: ConditionContext,
): readonly RouteParentStatus[] | undefined {
  const present = route.status?.parents ?? [];
  const wanted = (route.spec.parentRefs ?? []).flatMap((parent, index) => {
    if (!isOurs(parent)) return [];
    const before = present.find((status) => isStatusOf(status, parent));
    const conditions = conditionsOf(verdicts(parent, index, facts), before?.conditions, context);
    return [{ parentRef: parent, controllerName: gatewayController, conditions }];
  });
  const kept = present.flatMap((status) =>
    status.controllerName === gatewayController
      ? wanted.filter(({ parentRef }) => isStatusOf(status, parentRef)).slice(0, 1)
      : [status],
  );
  const added = wanted.filter((status) => !kept.includes(status));
  const isSilent = wanted.length === 0 && kept.length === present.length;
  return isSilent ? undefined : [...kept, ...added];
}

/** A status is about a parent if it names the same in every field. */
function isStatusOf({ controllerName, parentRef }: RouteParentStatus, parent: ParentReference): boolean {
  return (
    controllerName === gatewayController &&
    (["group", "kind", "namespace", "name", "sectionName", "port"] as const).every(
      (field) => parentRef[field] === parent[field],
    )
  );
}

function verdicts(parent: ParentReference, index: number, facts: Facts): readonly Verdict[] {
  const place = `spec.parentRefs[${index}]`;
  const isAbout = ({ field = "" }: Problem) => field === place || field.startsWith(`${place}.`);
  const refusals = facts.problems.filter((problem) => problem.reason !== undefined && isAbout(problem));
  const acceptance = accepted([...refusals, ...unsupportedValues(facts)]);
  const references = isServiceParent(parent) ? withoutGrants(facts) : facts;
  return [acceptance, resolvedRefs(references), programmed(facts, acceptance)];
}

/** Only routes of Gateways need grants: see `resolveBackend`. */
function withoutGrants(facts: Facts): Facts {
  return { ...facts, problems: facts.problems.filter(({ reason }) => reason !== "RefNotPermitted") };
}
