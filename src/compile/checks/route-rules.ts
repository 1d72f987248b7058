// What the rules of routes of all kinds have in common.
import type { Fetch } from "#collections/graph.ts";
import type { RouteFilter } from "#model/gateway-api/filters.ts";
import { type BackendReference, isGatewayParent, isServiceParent } from "#model/gateway-api/references.ts";
import { type FilterPlace, filterFaults } from "#model/gateway-api/route-filters.ts";
import { isOrdinary } from "#model/headers.ts";
import { type CheckFinding, error, unchangeableHeader, warning } from "../finding.ts";
import { type AnyRoute, isForRequests } from "../routing/attachments.ts";
import { resolveBackend } from "../routing/backends.ts";
import type { CheckInputs } from "./inputs.ts";

type Backend = BackendReference & { readonly filters?: readonly RouteFilter[] };

/** Whether the backends of a rule can be used, filters and all. */
export function checkBackends(
  route: AnyRoute,
  backends: readonly Backend[],
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const place = route.kind === "GRPCRoute" ? "grpcBackend" : "httpBackend";
  return [
    ...backends.flatMap((backend, at) => [
      ...checkBackend(route, backend, `${field}[${at}]`, inputs, fetch),
      ...checkFilters(backend.filters, place, false, `${field}[${at}].filters`),
    ]),
    ...(backends.length > 0 && backends.every((backend) => backend.weight === 0)
      ? [warning(field, `all weights are 0, so every ${unanswered(route)}; give one a weight`)]
      : []),
  ];
}

function unanswered(route: AnyRoute): string {
  return isForRequests(route) ? "request is answered with 500" : "connection is refused";
}

function checkBackend(
  route: AnyRoute,
  backend: Backend,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { namespace = "default" } = route.metadata;
  const parents = route.spec.parentRefs ?? [];
  const forGateway = parents.some(isGatewayParent);
  const forService = !forGateway || parents.some(isServiceParent);
  const found = [...(forGateway ? [true] : []), ...(forService ? [false] : [])].flatMap((needsGrant) => {
    const result = resolveBackend(inputs.routing, fetch, backend, {
      kind: route.kind,
      namespace,
      needsGrant,
    });
    return result.kind === "service" ? [] : [result];
  });
  // Both kinds of parents mostly find the same.
  return found
    .filter(({ reason }, index) => found.findIndex((other) => other.reason === reason) === index)
    .map((result) => error(`${field}.${result.field}`, result.message, result.reason));
}

/** Whether what requests are copied to is there. */
export function checkMirrors(
  route: AnyRoute,
  filters: readonly RouteFilter[] | undefined,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return (filters ?? []).flatMap(({ type, requestMirror }, index) =>
    type === "RequestMirror" && requestMirror !== undefined
      ? checkBackend(
          route,
          requestMirror.backendRef,
          `${field}[${index}].requestMirror.backendRef`,
          inputs,
          fetch,
        )
      : [],
  );
}

/** Whether the filters of a rule or of a backend can be applied. */
export function checkFilters(
  filters: readonly RouteFilter[] | undefined,
  place: FilterPlace,
  prefixes: boolean,
  field: string,
): readonly CheckFinding[] {
  return [
    ...filterFaults(filters, place, prefixes).map(({ index, reason, message }) =>
      error(`${field}[${index}].type`, message, reason),
    ),
    ...(filters ?? []).flatMap((filter, index) => checkHeaderNames(filter, `${field}[${index}]`)),
  ];
}

/** What is left out of the changes of headers. */
function checkHeaderNames(filter: RouteFilter, field: string): readonly CheckFinding[] {
  const { requestHeaderModifier: request, responseHeaderModifier: response } = filter;
  const names = (headers: readonly { readonly name: string }[] = []) => headers.map(({ name }) => name);
  return [
    { at: "requestHeaderModifier.add", changed: names(request?.add) },
    { at: "requestHeaderModifier.remove", changed: request?.remove ?? [] },
    { at: "responseHeaderModifier.set", changed: names(response?.set) },
    { at: "responseHeaderModifier.add", changed: names(response?.add) },
    { at: "responseHeaderModifier.remove", changed: response?.remove ?? [] },
  ].flatMap(({ at, changed }) =>
    changed.filter((name) => !isOrdinary(name)).map((name) => unchangeableHeader(name, `${field}.${at}`)),
  );
}
