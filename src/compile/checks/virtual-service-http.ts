// The HTTP routes of a VirtualService.
import type { Fetch } from "#collections/graph.ts";
import { isHost, isOrdinary } from "#model/headers.ts";
import { delegationOf } from "#model/istio/delegates.ts";
import { retriedOn, retryConditions } from "#model/istio/retry-policies.ts";
import { routeFaults } from "#model/istio/route-faults.ts";
import type { IstioHeaders, IstioHttpRoute, VirtualService } from "#model/istio/virtual-service.ts";
import { type CheckFinding, error, errorsAt, unchangeableHeader, warning } from "../finding.ts";
import { delegatesFor } from "../routing/virtual-services.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkDestination, checkTunnel } from "./istio-destination.ts";
import { checkHttpMatch } from "./virtual-service-match.ts";

/** What the routes ask for, and what they refer to. */
export function checkHttpRoutes(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { namespace = "default" } = virtualService.metadata;
  return (virtualService.spec.http ?? []).flatMap((http, index) => {
    const field = `spec.http[${index}]`;
    return [
      ...(http.match ?? []).flatMap((match, at) => checkHttpMatch(match, `${field}.match[${at}]`)),
      ...errorsAt(field, routeFaults(http)),
      ...destinationsOf(http, field).flatMap(({ destination, at }) => [
        ...checkDestination(destination, namespace, at, inputs, fetch),
        ...checkTunnel(destination, namespace, at, inputs, fetch),
      ]),
      ...checkDelegation(virtualService, http, `${field}.delegate`, inputs, fetch),
      ...checkHeaders(http, field),
      ...checkEffects(http, field),
    ];
  });
}

function destinationsOf({ route = [], mirror, mirrors = [] }: IstioHttpRoute, field: string) {
  return [
    ...route.map(({ destination }, at) => ({ destination, at: `${field}.route[${at}].destination` })),
    ...(mirror === undefined ? [] : [{ destination: mirror, at: `${field}.mirror` }]),
    ...mirrors.map(({ destination }, at) => ({ destination, at: `${field}.mirrors[${at}].destination` })),
  ];
}

function checkDelegation(
  root: VirtualService,
  http: IstioHttpRoute,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const found = delegationOf(root, http, delegatesFor(root, inputs.routing, fetch));
  if (found === undefined || found.kind === "delegate") return [];
  return [error(field, found.message, "BackendNotFound")];
}

function checkHeaders({ headers, route = [] }: IstioHttpRoute, field: string): readonly CheckFinding[] {
  return [
    ...headerFindings(headers, `${field}.headers`),
    ...route.flatMap((destination, index) =>
      headerFindings(destination.headers, `${field}.route[${index}].headers`),
    ),
  ];
}

/** What is left out of the changes, for nobody can do it. */
function headerFindings(headers: IstioHeaders | undefined, field: string): readonly CheckFinding[] {
  return (["request", "response"] as const).flatMap((direction) =>
    (["set", "add", "remove"] as const).flatMap((operation) => {
      const names = namesIn(headers?.[direction]?.[operation]);
      return names
        .filter((name) => !isOrdinary(name))
        .filter((name) => !(direction === "request" && operation === "set" && isHost(name)))
        .map((name) => unchangeableHeader(name, `${field}.${direction}.${operation}`));
    }),
  );
}

function namesIn(
  operation: Readonly<Record<string, string>> | readonly string[] | undefined,
): readonly string[] {
  if (operation === undefined) return [];
  return Array.isArray(operation) ? operation : Object.keys(operation);
}

/** What has less effect than it looks. */
function checkEffects({ fault, retries }: IstioHttpRoute, field: string): readonly CheckFinding[] {
  const { delay, abort } = fault ?? {};
  const unknown = retriedOn(retries?.retryOn).on.filter((word) => !retryConditions.includes(word));
  return [
    ...(delay?.fixedDelay !== undefined && delay.percentage === undefined && delay.percent === undefined
      ? [warning(`${field}.fault.delay`, "percentage is missing, so no request is delayed")]
      : []),
    ...(abort !== undefined && abort.percentage === undefined
      ? [warning(`${field}.fault.abort`, "percentage is missing, so no request is aborted")]
      : []),
    ...(retries !== undefined && retries.attempts === undefined
      ? [warning(`${field}.retries`, "attempts is missing, so no request is retried")]
      : []),
    ...unknown.map((word) =>
      warning(
        `${field}.retries.retryOn`,
        `${word} is no condition of a retry; there are statuses and ${retryConditions.join(", ")}`,
      ),
    ),
  ];
}
