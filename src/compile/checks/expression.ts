import { type CheckFinding, error } from "./finding.ts";

/** Checks a regular expression of RE2, which Envoy reads and which would refuse the whole route. */
export function checkExpression(expression: string, field: string): readonly CheckFinding[] {
  // Flags and named groups are written otherwise in JavaScript; what cannot be judged passes.
  if (expression.includes("(?") || isExpression(expression)) return [];
  return [error(field, `${expression} is no valid regular expression; correct it`, "UnsupportedValue")];
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text).source !== "";
  } catch {
    return false;
  }
}
