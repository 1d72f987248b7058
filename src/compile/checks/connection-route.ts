import type { Fetch } from "#collections/graph.ts";
import type { ConnectionRouteObject } from "../attachments.ts";
import type { CheckFinding } from "./finding.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkParents, isForeignRoute } from "./route-parents.ts";
import { checkBackends } from "./route-rules.ts";

/** Parents and backends of a TCPRoute or a TLSRoute. */
export function checkConnectionRoute(
  route: ConnectionRouteObject,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (isForeignRoute(route, inputs, fetch)) return [];
  return [
    ...checkParents(route, inputs, fetch),
    ...route.spec.rules.flatMap((rule, index) =>
      checkBackends(route, rule.backendRefs, `spec.rules[${index}].backendRefs`, inputs, fetch),
    ),
  ];
}
