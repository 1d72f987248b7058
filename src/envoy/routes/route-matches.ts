// Which requests a route takes → Envoy's matchers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { isHost } from "#model/headers.ts";
import type { NamedMatcher, PathMatcher, RouteMatch, StringMatcher } from "#model/route.ts";
import { authorityHeader, missHeader } from "../filters/on-demand.ts";
import { type HeaderMatcher, header, headerMatchers, noHeader } from "../matches/header-matches.ts";
import { stringMatch } from "../matches/string-matches.ts";
import type { Init } from "../messages.ts";

/** Where the Host is that the client has sent: in its place, or, on the way by destination, in a header beside it. */
export type HostPlace = "asSent" | "byDestination";

/** What must hold beside a match. */
export interface Conditions {
  readonly headers: readonly HeaderMatcher[];
  readonly cookies: readonly { readonly name: string; readonly value: StringMatcher }[];
}

/**
 * A match by the Host is two where requests come both with their Host in its place and with the destination there:
 * Envoy's matchers know no "or".
 */
export function routeMatches(
  match: RouteMatch,
  conditions: Conditions,
  place: HostPlace,
): readonly Init<typeof RouteMatchSchema>[] {
  const isOther = ({ name }: NamedMatcher) => !isHost(name);
  const others: RouteMatch = {
    ...match,
    headers: match.headers.filter(isOther),
    withoutHeaders: (match.withoutHeaders ?? []).filter(isOther),
  };
  return hostConditions(match, place).map((host) => ({
    pathSpecifier: pathSpecifier(match.path),
    ...(match.ignorePathCase === true ? { caseSensitive: false } : {}),
    headers: [...conditions.headers, ...host, ...headerMatchers(others)],
    queryParameters: match.queryParameters.map(queryParameterMatcher),
    cookies: conditions.cookies.map(({ name, value }) => ({ name, stringMatch: stringMatch(value) })),
  }));
}

function hostConditions(match: RouteMatch, place: HostPlace): readonly (readonly HeaderMatcher[])[] {
  const sent = aboutHost(match, ":authority");
  if (sent.length === 0) return [[]];
  if (place === "asSent") return [sent];
  const missed = header({ name: missHeader, value: { kind: "present" } });
  return [
    [...sent, { ...missed, invertMatch: true }],
    [...aboutHost(match, authorityHeader), missed],
  ];
}

/** What a match asks of the Host, also as of a header, for the header `name` that has it. */
function aboutHost(
  { authority, headers, withoutHeaders = [] }: RouteMatch,
  name: string,
): readonly HeaderMatcher[] {
  const ofHost = (matchers: readonly NamedMatcher[]) => matchers.filter((matcher) => isHost(matcher.name));
  return [
    ...(authority === undefined ? [] : [header({ name, value: authority })]),
    ...ofHost(headers).map(({ value }) => header({ name, value })),
    ...ofHost(withoutHeaders).map(({ value }) => noHeader({ name, value })),
  ];
}

function pathSpecifier(
  path: PathMatcher | undefined,
): NonNullable<MessageInitShape<typeof RouteMatchSchema>["pathSpecifier"]> {
  if (path === undefined) return { case: "prefix", value: "/" };
  switch (path.kind) {
    case "exact":
      return { case: "path", value: path.value };
    case "prefix":
      return { case: "prefix", value: path.value };
    case "regex":
      return { case: "safeRegex", value: { regex: path.value } };
    case "pathPrefix": {
      const value = path.value.replace(/\/+$/, "");
      return value === "" ? { case: "prefix", value: "/" } : { case: "pathSeparatedPrefix", value };
    }
  }
}

function queryParameterMatcher({
  name,
  value,
}: NamedMatcher): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return value.kind === "present"
    ? { name, queryParameterMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, queryParameterMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}
