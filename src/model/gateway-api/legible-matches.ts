import { isExpression } from "../expression.ts";

/**
 * The matches of a rule, and their places in it, without those that have an expression which no proxy can read: they
 * take no request, for a proxy would refuse all routes that are with them.
 */
export function legibleMatches<Match>(
  matches: readonly Match[],
  expressionsOf: (match: Match) => readonly (string | undefined)[],
): readonly { readonly match: Match; readonly index: number }[] {
  return matches
    .map((match, index) => ({ match, index }))
    .filter(({ match }) => expressionsOf(match).every((text) => text === undefined || isExpression(text)));
}
