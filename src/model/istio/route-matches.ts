// Which requests a route of a VirtualService takes.
import { expressionFault } from "../expression.ts";
import { type FieldFault, faultOf } from "../field-fault.ts";
import { nameFault, parameterFault } from "../headers.ts";
import type { NamedMatcher, RouteMatch, RouteSource, StringMatcher } from "../route.ts";
import type { StringMatch } from "./string-match.ts";
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

/** Whether proxies can read a match; they would refuse all routes that are with another. */
export function isLegible(match: IstioHttpMatch): boolean {
  return matchFaults(match).length === 0;
}

/** What of a match proxies cannot read. */
export function matchFaults(match: IstioHttpMatch): readonly FieldFault[] {
  const named = (["headers", "withoutHeaders", "queryParams"] as const).flatMap((list) =>
    Object.entries(match[list] ?? {}).flatMap(([name, condition]) => {
      const isParameter = list === "queryParams";
      const found = faultOf(list, isParameter ? parameterFault(name) : nameFault(name.replace(/^@/, "")));
      // Istio takes it for any value.
      return condition.regex === "*" ? found : [...found, ...expressionFaults(condition, `${list}.${name}`)];
    }),
  );
  const single = (["uri", "scheme", "method", "authority"] as const).flatMap((field) =>
    expressionFaults(match[field], field),
  );
  return [...single, ...named];
}

function expressionFaults(condition: StringMatch | undefined, field: string): readonly FieldFault[] {
  return condition?.regex === undefined ? [] : faultOf(`${field}.regex`, expressionFault(condition.regex));
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
