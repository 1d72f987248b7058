import type { Fetch } from "#collections/graph.ts";
import {
  type BackendReference,
  isGatewayParent,
  isServiceParent,
  parentObject,
} from "#model/gateway-api/references.ts";
import type { CheckFinding } from "../finding.ts";
import { attachedPorts, type ConnectionRouteObject } from "../routing/attachments.ts";
import { resolveBackend } from "../routing/backends.ts";
import { serviceOfHost } from "../services/services.ts";
import {
  checkNamesOnPort,
  checkShares,
  checkThroughGateway,
  type NamedDestination,
} from "./connection-destinations.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkParents, isForeignRoute } from "./route-parents.ts";
import { checkBackends } from "./route-rules.ts";

/** Parents and backends of a TCPRoute or a TLSRoute. */
export function checkConnectionRoute(
  route: ConnectionRouteObject,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  if (isForeignRoute(route, inputs, fetch)) return [];
  return [
    ...checkParents(route, inputs, fetch),
    ...(route.kind === "TLSRoute" ? checkPorts(route, inputs, fetch) : []),
    ...route.spec.rules.flatMap(({ backendRefs }, index) => {
      const field = `spec.rules[${index}].backendRefs`;
      const services = servicesOf(route, backendRefs, field, inputs, fetch);
      return [
        ...checkBackends(route, backendRefs, field, inputs, fetch),
        ...checkShares(services, route.metadata.namespace ?? "default", inputs, fetch),
        ...((route.spec.parentRefs ?? []).some(isGatewayParent) ? checkThroughGateway(services) : []),
      ];
    }),
  ];
}

function checkPorts(
  route: ConnectionRouteObject,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return (route.spec.parentRefs ?? []).flatMap((parent, index) => {
    if (!isServiceParent(parent)) return [];
    const object = parentObject(parent, route.metadata.namespace ?? "default");
    const [service] = fetch.by(inputs.routing.servicesByObject, object);
    const attached = service === undefined ? undefined : attachedPorts(parent, service);
    return service === undefined || attached?.kind !== "ports"
      ? []
      : attached.ports.flatMap((port) => checkNamesOnPort(service, port, `spec.parentRefs[${index}]`));
  });
}

function servicesOf(
  { kind, metadata }: ConnectionRouteObject,
  backends: readonly BackendReference[],
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly NamedDestination[] {
  const { namespace = "default" } = metadata;
  return backends.flatMap((backend, index) => {
    const found = resolveBackend(inputs.routing, fetch, backend, { kind, namespace, needsGrant: false });
    if (backend.weight === 0 || found.kind !== "service") return [];
    const service = serviceOfHost(inputs.routing, fetch, found.service.hostname, namespace);
    const { port } = found.service;
    return service === undefined ? [] : [{ field: `${field}[${index}]`, service, subset: "", port }];
  });
}
