import { claimsOf } from "#model/istio/route-matches.ts";
import type { StringMatch } from "#model/istio/string-match.ts";
import type { IstioHttpMatch } from "#model/istio/virtual-service.ts";
import { checkExpression } from "../expression.ts";
import { type CheckFinding, error } from "../finding.ts";

/** Expressions of a match, and conditions that cannot be read. */
export function checkHttpMatch(match: IstioHttpMatch, field: string): readonly CheckFinding[] {
  const named = (["headers", "withoutHeaders", "queryParams"] as const).flatMap((list) =>
    Object.entries(match[list] ?? {}).map(([name, condition]) => ({ condition, at: `${list}.${name}` })),
  );
  const single = (["uri", "scheme", "method", "authority"] as const).map((at) => ({
    condition: match[at],
    at,
  }));
  return [
    ...single.flatMap(({ condition, at }) => checkRegex(condition, `${field}.${at}`)),
    ...named.flatMap(({ condition, at }) =>
      // Istio takes it for any value.
      condition.regex === "*" ? [] : checkRegex(condition, `${field}.${at}`),
    ),
    ...claimsOf(match).map((name) =>
      error(
        field,
        `${name} is a claim of a token, which is not read yet, so no request matches; remove it`,
        "UnsupportedValue",
      ),
    ),
  ];
}

function checkRegex(condition: StringMatch | undefined, field: string): readonly CheckFinding[] {
  return condition?.regex === undefined ? [] : checkExpression(condition.regex, `${field}.regex`);
}
