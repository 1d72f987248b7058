import type { Fetch } from "#collections/graph.ts";
import type { GrpcRoute } from "#model/gateway-api/grpc-route.ts";
import { grpcMatchFaults } from "#model/gateway-api/legible-matches.ts";
import { type CheckFinding, errorsAt } from "../finding.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkParents, isForeignRoute } from "./route-parents.ts";
import { checkBackends, checkFilters, checkMirrors } from "./route-rules.ts";
import { checkSessions } from "./sessions.ts";

/** Parents, matches, filters and backends of a GRPCRoute. */
export function checkGrpcRoute(route: GrpcRoute, inputs: CheckInputs, fetch: Fetch): readonly CheckFinding[] {
  if (isForeignRoute(route, inputs, fetch)) return [];
  return [
    ...checkParents(route, inputs, fetch),
    ...(route.spec.rules ?? []).flatMap((rule, index) => {
      const field = `spec.rules[${index}]`;
      return [
        ...(rule.matches ?? []).flatMap((match, at) =>
          errorsAt(`${field}.matches[${at}]`, grpcMatchFaults(match)),
        ),
        ...checkFilters(rule.filters, "grpcRule", false, `${field}.filters`),
        ...checkMirrors(route, rule.filters, `${field}.filters`, inputs, fetch),
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
