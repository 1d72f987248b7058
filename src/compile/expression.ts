import { expressionFault } from "#model/expression.ts";
import { type CheckFinding, error } from "./finding.ts";

/** Checks a regular expression of RE2. */
export function checkExpression(expression: string, field: string): readonly CheckFinding[] {
  const message = expressionFault(expression);
  return message === undefined ? [] : [error(field, message, "UnsupportedValue")];
}
