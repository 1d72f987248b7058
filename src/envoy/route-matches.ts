// Which requests a route takes → Envoy's matchers.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import type { NamedMatcher, PathMatcher, RouteMatch } from "#model/route.ts";
import type { Init } from "./messages.ts";
import { stringMatch } from "./string-matches.ts";

/** `conditions` and `cookies`: what must hold beside. */
export function routeMatch(
  match: RouteMatch,
  conditions: readonly MessageInitShape<typeof HeaderMatcherSchema>[],
  cookies: readonly NamedMatcher[],
): Init<typeof RouteMatchSchema> {
  return {
    pathSpecifier: pathSpecifier(match.path),
    headers: [...conditions, ...headerMatchers(match)],
    queryParameters: match.queryParameters.map(queryParameterMatcher),
    cookies: cookies.map(({ name, value }) => ({ name, stringMatch: stringMatch(value) })),
  };
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

function headerMatchers(match: RouteMatch): readonly MessageInitShape<typeof HeaderMatcherSchema>[] {
  const method: readonly NamedMatcher[] =
    match.method === undefined ? [] : [{ name: ":method", value: match.method }];
  return [...method, ...match.headers].map(({ name, value }) => ({
    name,
    headerMatchSpecifier: { case: "stringMatch", value: stringMatch(value) },
  }));
}

function queryParameterMatcher({
  name,
  value,
}: NamedMatcher): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return { name, queryParameterMatchSpecifier: { case: "stringMatch", value: stringMatch(value) } };
}
