import { type FieldFault, faultOf } from "../field-fault.ts";
import { isToken, lineFault, nameFault, parameterFault } from "../headers.ts";
import type { ConsistentHash } from "./load-balancer.ts";

export function isGiven(name: string | undefined): name is string {
  return name !== undefined && name !== "";
}

/** What of requests no proxy can look at, so that they are not hashed. */
export function hashFaults(hash: ConsistentHash): readonly FieldFault[] {
  const { httpHeaderName, httpCookie, httpQueryParameterName } = hash;
  return [
    ...(isGiven(httpHeaderName) ? faultOf("httpHeaderName", nameFault(httpHeaderName)) : []),
    ...(isGiven(httpQueryParameterName)
      ? faultOf("httpQueryParameterName", parameterFault(httpQueryParameterName))
      : []),
    ...(httpCookie === undefined ? [] : cookieFaults(httpCookie)),
  ];
}

function cookieFaults({
  name,
  path = "",
  attributes = [],
}: NonNullable<ConsistentHash["httpCookie"]>): readonly FieldFault[] {
  return [
    ...faultOf(
      "httpCookie.name",
      isToken(name)
        ? undefined
        : `${JSON.stringify(name)} is no name of a cookie; use letters, digits, - and _`,
    ),
    ...faultOf("httpCookie.path", lineFault(path)),
    ...attributes.flatMap((attribute, index) =>
      faultOf(
        `httpCookie.attributes[${index}]`,
        nameFault(attribute.name) ?? lineFault(attribute.value ?? ""),
      ),
    ),
  ];
}
