// Regular expressions of RE2, which proxies read.
import { syntaxFault } from "./re2.ts";

/** A text as part of a regular expression that means nothing but it, to JavaScript and to RE2. */
export function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
}

/** Whether proxies read a text as an expression: for one that they do not, they would refuse all routes of a host. */
export function isExpression(text: string): boolean {
  return expressionFault(text) === undefined;
}

const longestShown = 100;

/** Why a text is no expression; the message says what to do. */
export function expressionFault(text: string): string | undefined {
  if (text === "") return "is empty; write a regular expression, such as .* for all";
  const fault = syntaxFault(text);
  if (fault === undefined) return undefined;
  const shown = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return `${shown} is no valid regular expression: ${fault}; correct it`;
}
