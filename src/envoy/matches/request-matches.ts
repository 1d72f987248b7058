// A match where no route is chosen: by headers alone, among which the path is.
import { literally } from "#model/expression.ts";
import type { PathMatcher, RouteMatch } from "#model/route.ts";
import { type HeaderMatcher, headerMatchers } from "./header-matches.ts";
import { stringMatch } from "./string-matches.ts";

/** The path, without its query, and the headers of a match. */
export function requestMatchers(match: RouteMatch): readonly HeaderMatcher[] {
  const headers = headerMatchers(match);
  if (match.path === undefined) return headers;
  const value = stringMatch({ kind: "regex", value: pathExpression(match.path) });
  return [{ name: ":path", headerMatchSpecifier: { case: "stringMatch", value } }, ...headers];
}

function pathExpression({ kind, value }: PathMatcher): string {
  switch (kind) {
    case "exact":
      return `${literally(value)}(\\?.*)?`;
    case "prefix":
      return `${literally(value)}.*`;
    case "regex":
      return `(${value})(\\?.*)?`;
    case "pathPrefix":
      return `${literally(value.replace(/\/+$/, ""))}([/?].*)?`;
  }
}
