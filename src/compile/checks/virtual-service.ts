import type { Fetch } from "#collections/graph.ts";
import { isForMesh, meshGateway } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import { audienceOf } from "../attachments.ts";
import { serviceKey, serviceOfHost } from "../services.ts";
import { isWildcardOf, virtualServicesOf } from "../virtual-services.ts";
import { type CheckFinding, warning } from "./finding.ts";
import { unknownHost } from "./host.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkDelegate } from "./virtual-service-delegate.ts";
import { checkGateways } from "./virtual-service-gateways.ts";
import { checkHttpRoutes } from "./virtual-service-http.ts";
import { besideOlder } from "./virtual-service-rivals.ts";

/** Hosts, gateways and routes of a VirtualService. */
export function checkVirtualService(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { hosts = [] } = virtualService.spec;
  return [
    ...(hosts.length === 0 ? checkDelegate(virtualService, inputs, fetch) : []),
    ...(isForMesh(virtualService)
      ? hosts.flatMap((host, index) => checkHost(virtualService, host, `spec.hosts[${index}]`, inputs, fetch))
      : []),
    ...checkGateways(virtualService, inputs, fetch),
    ...checkHttpRoutes(virtualService, inputs, fetch),
  ];
}

function checkHost(
  virtualService: VirtualService,
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { namespace = "default" } = virtualService.metadata;
  if (host.startsWith("*")) return checkWildcard(host, field, namespace, inputs, fetch);
  const service = serviceOfHost(inputs.routing, fetch, host, namespace);
  if (service === undefined) return [unknownHost(field, host, namespace)];
  const key = serviceKey(service);
  const attached = [
    ...fetch.by(inputs.routing.grpcRoutesByService, key),
    ...fetch.by(inputs.routing.httpRoutesByService, key),
  ].find((route) => audienceOf(route, service) === "");
  if (attached !== undefined) {
    const message = `has no effect on ${host}: ${attached.kind} ${objectKey(attached.metadata)} is attached to it and goes first`;
    return [warning(field, message, "Conflicted")];
  }
  const own = objectKey(virtualService.metadata);
  const all = virtualServicesOf(inputs.routing, fetch, service.hostname, namespace);
  const position = all.findIndex(({ metadata }) => objectKey(metadata) === own);
  return besideOlder(all.slice(0, Math.max(0, position)), host, meshGateway, field);
}

function checkWildcard(
  host: string,
  field: string,
  namespace: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const services = fetch.all(inputs.routing.services);
  return services.some(({ hostname }) => hostname === host || isWildcardOf(host, hostname))
    ? []
    : [unknownHost(field, host, namespace)];
}
