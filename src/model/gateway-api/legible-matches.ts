import { expressionFault } from "../expression.ts";
import { type FieldFault, faultOf } from "../field-fault.ts";
import { nameFault, parameterFault } from "../headers.ts";
import type { GrpcRouteMatch } from "./grpc-route.ts";
import type { HttpRouteMatch, NameValueMatch } from "./http-route.ts";

/**
 * The matches of a rule, and their places in it, without those that no proxy can read: they take no request, for a proxy
 * would refuse all routes that are with them.
 */
export function legibleMatches<Match>(
  matches: readonly Match[],
  faultsOf: (match: Match) => readonly FieldFault[],
): readonly { readonly match: Match; readonly index: number }[] {
  return matches
    .map((match, index) => ({ match, index }))
    .filter(({ match }) => faultsOf(match).length === 0);
}

/** What of a match of an HTTPRoute cannot be read. */
export function httpMatchFaults({
  path,
  headers = [],
  queryParams = [],
}: HttpRouteMatch): readonly FieldFault[] {
  return [
    ...faultOf("path.value", pathFault(path)),
    ...headerMatchFaults(headers),
    ...queryParams.flatMap(({ type, name, value }, index) => [
      ...faultOf(`queryParams[${index}].name`, parameterFault(name)),
      ...faultOf(`queryParams[${index}].value`, expression(type, value)),
    ]),
  ];
}

/** The same of a GRPCRoute. */
export function grpcMatchFaults({ method, headers = [] }: GrpcRouteMatch): readonly FieldFault[] {
  return [
    ...(["service", "method"] as const).flatMap((name) => {
      const text = method?.[name];
      return text === undefined || text === ""
        ? []
        : faultOf(`method.${name}`, expression(method?.type, text));
    }),
    ...headerMatchFaults(headers),
  ];
}

/** What requests may have for a path. https://gateway-api.sigs.k8s.io/reference/spec/#httppathmatch */
const pathPattern = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

function pathFault(path: HttpRouteMatch["path"]): string | undefined {
  const value = path?.value;
  if (value === undefined) return undefined;
  if (path?.type === "RegularExpression") return expressionFault(value);
  if (!value.startsWith("/")) return `${value} must begin with /`;
  return pathPattern.test(value)
    ? undefined
    : `${JSON.stringify(value)} is no path; write other characters as %20`;
}

function headerMatchFaults(headers: readonly NameValueMatch[]): readonly FieldFault[] {
  return headers.flatMap(({ type, name, value }, index) => [
    ...faultOf(`headers[${index}].name`, nameFault(name)),
    ...faultOf(`headers[${index}].value`, expression(type, value)),
  ]);
}

function expression(type: string | undefined, value: string): string | undefined {
  return type === "RegularExpression" ? expressionFault(value) : undefined;
}
