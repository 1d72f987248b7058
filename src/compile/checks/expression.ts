import { isExpression } from "#model/expression.ts";
import { type CheckFinding, error } from "./finding.ts";

/** Checks a regular expression of RE2. */
export function checkExpression(expression: string, field: string): readonly CheckFinding[] {
  return isExpression(expression)
    ? []
    : [error(field, `${expression} is no valid regular expression; correct it`, "UnsupportedValue")];
}
