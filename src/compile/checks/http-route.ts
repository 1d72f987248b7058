import type { Fetch } from "#collections/graph.ts";
import type { RouteFilter } from "#model/gateway-api/filters.ts";
import type { HttpRoute } from "#model/gateway-api/http-route.ts";
import { matchesByPrefix } from "#model/gateway-api/http-routes.ts";
import { httpMatchFaults } from "#model/gateway-api/legible-matches.ts";
import { type CheckFinding, errorsAt, warning } from "../finding.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkParents, isForeignRoute } from "./route-parents.ts";
import { checkBackends, checkFilters, checkMirrors } from "./route-rules.ts";
import { checkSessions } from "./sessions.ts";

/** Parents, matches, filters and backends of an HTTPRoute. */
export function checkHttpRoute(route: HttpRoute, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  if (isForeignRoute(route, inputs, fetch)) return [];
  return [
    ...checkParents(route, inputs, fetch),
    ...(route.spec.rules ?? []).flatMap((rule, index) => {
      const field = `spec.rules[${index}]`;
      return [
        ...(rule.matches ?? []).flatMap((match, at) =>
          errorsAt(`${field}.matches[${at}]`, httpMatchFaults(match)),
        ),
        ...checkFilters(rule.filters, "httpRule", matchesByPrefix(rule), `${field}.filters`),
        ...checkMirrors(route, rule.filters, `${field}.filters`, inputs, fetch),
        ...checkCors(rule.filters, `${field}.filters`),
        ...checkSessions(
          rule.sessionPersistence,
          rule.backendRefs?.length ?? 0,
          `${field}.sessionPersistence`,
        ),
        ...checkBackends(route, rule.backendRefs ?? [], `${field}.backendRefs`, inputs, fetch),
      ];
    }),
  ];
}

/** What browsers do not take together. */
function checkCors(filters: readonly RouteFilter[] | undefined, field: string): readonly CheckFinding[] {
  return (filters ?? []).flatMap(({ cors }, index) => {
    if (cors?.allowCredentials !== true || cors.exposeHeaders?.includes("*") !== true) return [];
    const message = "* exposes nothing where credentials are allowed; name the headers";
    return [warning(`${field}[${index}].cors.exposeHeaders`, message)];
  });
}
