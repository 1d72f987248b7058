import { claimsOf, matchFaults } from "#model/istio/route-matches.ts";
import type { IstioHttpMatch } from "#model/istio/virtual-service.ts";
import { type CheckFinding, error, errorsAt } from "../finding.ts";

/** What of a match cannot be read, so that it takes no request. */
export function checkHttpMatch(match: IstioHttpMatch, field: string): readonly CheckFinding[] {
  return [
    ...errorsAt(field, matchFaults(match)),
    ...claimsOf(match).map((name) =>
      error(
        field,
        `${name} is a claim of a token, which is not read yet, so no request matches; remove it`,
        "UnsupportedValue",
      ),
    ),
  ];
}
