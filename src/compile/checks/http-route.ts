import type { Fetch } from "#collections/graph.ts";
import type { RouteFilter } from "#model/gateway-api/filters.ts";
import type { HttpRoute, HttpRouteMatch } from "#model/gateway-api/http-route.ts";
import { matchesByPrefix } from "#model/gateway-api/http-routes.ts";
import { checkExpression } from "../expression.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
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
        ...(rule.matches ?? []).flatMap((match, at) => checkMatch(match, `${field}.matches[${at}]`)),
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

function checkMatch({ path, headers, queryParams }: HttpRouteMatch, field: string): readonly CheckFinding[] {
  const values = [
    { match: path, field: `${field}.path.value` },
    ...(headers ?? []).map((match, index) => ({ match, field: `${field}.headers[${index}].value` })),
    ...(queryParams ?? []).map((match, index) => ({ match, field: `${field}.queryParams[${index}].value` })),
  ];
  const relative = path?.type !== "RegularExpression" && path?.value?.startsWith("/") === false;
  return [
    ...(relative
      ? [error(`${field}.path.value`, `${path.value} must begin with /`, "UnsupportedValue")]
      : []),
    ...values.flatMap(({ match, field: at }) =>
      match?.type === "RegularExpression" && match.value !== undefined
        ? checkExpression(match.value, at)
        : [],
    ),
  ];
}
