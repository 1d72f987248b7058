// Which requests a route of a VirtualService takes.
import { isExpression } from "../expression.ts";
import type { NamedMatcher, RouteMatch, RouteSource, StringMatcher } from "../route.ts";
import { namedMatchers, stringMatcher } from "./string-matchers.ts";
import type { IstioHttpMatch } from "./virtual-service.ts";

/** API type → domain type. https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest */
export function routeMatch(match: IstioHttpMatch = {}): RouteMatch {
  const without = headerMatchers(match.withoutHeaders);
  return {
    path: stringMatcher(match.uri) ?? { kind: "prefix", value: "/" },
    ...(match.ignoreUriCase === true ? { ignorePathCase: true } : {}),
    ...given("method", stringMatcher(match.method)),
    ...given("scheme", stringMatcher(match.scheme)),
    ...given("authority", stringMatcher(match.authority)),
    headers: headerMatchers(match.headers),
    ...(without.length === 0 ? {} : { withoutHeaders: without }),
    queryParameters: namedMatchers(match.queryParams),
  };
}

function given<Name extends string>(
  name: Name,
  matcher: StringMatcher | undefined,
): { readonly [Field in Name]?: StringMatcher } {
  return matcher === undefined ? {} : ({ [name]: matcher } as { readonly [Field in Name]: StringMatcher });
}

/** They have fields of their own, and mean nothing among headers. */
const notHeaders: readonly string[] = ["uri", "scheme", "method", "authority"];

function headerMatchers(headers: IstioHttpMatch["headers"]): readonly NamedMatcher[] {
  return namedMatchers(headers)
    .map(({ name, value }) => ({ name: name.toLowerCase(), value }))
    .filter(({ name }) => !notHeaders.includes(name));
}

/** The clients that a match is for; undefined: all. */
export function routeSource({ sourceLabels = {}, sourceNamespace }: IstioHttpMatch): RouteSource | undefined {
  const namespace = sourceNamespace === "" ? undefined : sourceNamespace;
  if (namespace === undefined && Object.keys(sourceLabels).length === 0) return undefined;
  return { ...(namespace === undefined ? {} : { namespace }), labels: sourceLabels };
}

/** The headers of a match that are claims of a token, by which no request is matched yet. */
export function claimsOf({ headers = {}, withoutHeaders = {} }: IstioHttpMatch): readonly string[] {
  return [...Object.keys(headers), ...Object.keys(withoutHeaders)].filter((name) => name.startsWith("@"));
}

/** Whether every expression of a match is one; a proxy would refuse all routes that are with it. */
export function isLegible({ uri, scheme, method, authority, ...named }: IstioHttpMatch): boolean {
  const { headers = {}, withoutHeaders = {}, queryParams = {} } = named;
  const conditions = [headers, withoutHeaders, queryParams].flatMap((list) => Object.values(list));
  return [uri, scheme, method, authority, ...conditions].every((condition) => {
    const matcher = stringMatcher(condition);
    return matcher?.kind !== "regex" || isExpression(matcher.value);
  });
}

/** Whether a match takes every request of the places that it is for. */
export function takesEverything(match: IstioHttpMatch): boolean {
  const {
    name: _name,
    statPrefix: _prefix,
    ignoreUriCase: _case,
    gateways: _gateways,
    uri,
    ...conditions
  } = match;
  const everyPath = uri === undefined || uri.prefix === "/" || uri.prefix === "";
  return everyPath && Object.keys(conditions).length === 0;
}
