import type { NamedMatcher, StringMatcher } from "../route.ts";
import type { StringMatch } from "./string-match.ts";

/** API type → domain type; undefined where any text will do. */
export function stringMatcher(match: StringMatch | undefined): StringMatcher | undefined {
  if (match?.exact !== undefined) return { kind: "exact", value: match.exact };
  if (match?.prefix !== undefined) {
    return match.prefix === "" ? undefined : { kind: "prefix", value: match.prefix };
  }
  // Istio takes `*` for any text, though it is no regular expression.
  if (match?.regex !== undefined && match.regex !== "*") return { kind: "regex", value: match.regex };
  return undefined;
}

/** Conditions by names; one that asks for nothing in particular asks that there is something. */
export function namedMatchers(
  matches: Readonly<Record<string, StringMatch>> | undefined,
): readonly NamedMatcher[] {
  return Object.entries(matches ?? {}).map(([name, match]) => ({
    name,
    value: stringMatcher(match) ?? { kind: "present" },
  }));
}
