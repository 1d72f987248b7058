// Which requests a route takes → Envoy's matchers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { NamedMatcher, PathMatcher, RouteMatch, StringMatcher } from "#model/route.ts";
import { authorityHeader, missHeader } from "./filters/on-demand.ts";
import type { Init } from "./messages.ts";
import { stringMatch } from "./string-matches.ts";

export type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;

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
  return hostConditions(match.authority, place).map((host) => ({
    pathSpecifier: pathSpecifier(match.path),
    ...(match.ignorePathCase === true ? { caseSensitive: false } : {}),
    headers: [...conditions.headers, ...host, ...headerMatchers(match)],
    queryParameters: match.queryParameters.map(queryParameterMatcher),
    cookies: conditions.cookies.map(({ name, value }) => ({ name, stringMatch: stringMatch(value) })),
  }));
}

function hostConditions(
  authority: StringMatcher | undefined,
  place: HostPlace,
): readonly (readonly HeaderMatcher[])[] {
  if (authority === undefined) return [[]];
  const is = (name: string) => header({ name, value: authority });
  if (place === "asSent") return [[is(":authority")]];
  return [
    [is(":authority"), { ...header({ name: missHeader, value: { kind: "present" } }), invertMatch: true }],
    [is(authorityHeader)],
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

/** Those of method, scheme and headers. */
export function headerMatchers({
  method,
  scheme,
  headers,
  withoutHeaders = [],
}: RouteMatch): readonly HeaderMatcher[] {
  return [
    ...(method === undefined ? [] : [header({ name: ":method", value: method })]),
    ...(scheme === undefined ? [] : [header({ name: ":scheme", value: scheme })]),
    ...headers.map(header),
    ...withoutHeaders.map(noHeader),
  ];
}

function header({ name, value }: NamedMatcher): HeaderMatcher {
  return value.kind === "present"
    ? { name, headerMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, headerMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}

/** A header that is not there is nothing that must not be. */
function noHeader(matcher: NamedMatcher): HeaderMatcher {
  return {
    ...header(matcher),
    invertMatch: true,
    ...(matcher.value.kind === "present" ? {} : { treatMissingHeaderAsEmpty: true }),
  };
}

function queryParameterMatcher({
  name,
  value,
}: NamedMatcher): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return value.kind === "present"
    ? { name, queryParameterMatchSpecifier: { case: "presentMatch", value: true } }
    : { name, queryParameterMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}
