import type { Fetch } from "#collections/graph.ts";
import { coversHost } from "#model/host-pattern.ts";
import { isHostname } from "#model/hostname.ts";
import { isForMesh, meshGateway } from "#model/istio/gateway-names.ts";
import type { VirtualService } from "#model/istio/virtual-service.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { isWithinVisibility, visibilityOf } from "#model/visibility.ts";
import { type CheckFinding, warning } from "../finding.ts";
import { isOwnHost, virtualHostPort } from "../outbound/virtual-hosts.ts";
import { attachedRoutes, audienceOf } from "../routing/attachments.ts";
import { virtualServicesOf } from "../routing/virtual-services.ts";
import { serviceOfHost } from "../services/services.ts";
import { unknownHost } from "./host.ts";
import { checkHostname } from "./hostname.ts";
import type { CheckInputs } from "./inputs.ts";
import { withoutRequests } from "./served-requests.ts";
import { checkConnectionRules } from "./virtual-service-connections.ts";
import { checkDelegate } from "./virtual-service-delegate.ts";
import { checkGateways } from "./virtual-service-gateways.ts";
import { checkHttpRoutes } from "./virtual-service-http.ts";
import { checkMeantPorts } from "./virtual-service-ports.ts";
import { besideOlder, checkUnreached } from "./virtual-service-rivals.ts";

/** Hosts, gateways and routes of a VirtualService. */
export function checkVirtualService(
  virtualService: VirtualService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const { hosts = [], http = [], tls = [], tcp = [] } = virtualService.spec;
  return [
    ...(http.length + tls.length + tcp.length === 0
      ? [warning("spec", "says nothing of its hosts; give it http, tls or tcp")]
      : []),
    ...(hosts.length === 0 ? checkDelegate(virtualService, inputs, fetch) : []),
    ...hosts.flatMap((host, index) => (host === "*" ? [] : checkHostname(host, `spec.hosts[${index}]`))),
    ...(isForMesh(virtualService)
      ? hosts.flatMap((host, index) => checkHost(virtualService, host, `spec.hosts[${index}]`, inputs, fetch))
      : []),
    ...checkGateways(virtualService, inputs, fetch),
    ...checkHttpRoutes(virtualService, inputs, fetch),
    ...checkMeantPorts(virtualService, inputs, fetch),
    ...checkUnreached(virtualService),
    ...checkConnectionRules(virtualService, inputs, fetch),
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
  const service = host.startsWith("*") ? undefined : serviceOfHost(inputs.routing, fetch, host, namespace);
  if (service === undefined && (isServerName(virtualService, host) || !isHostname(host))) return [];
  if (service === undefined) return checkName(virtualService, host, field, inputs, fetch);
  const unseen = unseenRequests(virtualService, service);
  if (unseen !== undefined) return [warning(field, `http has no effect on ${host}: ${unseen}`)];
  const attached = attachedRoutes(inputs.routing, fetch, service).find(
    (route) => audienceOf(route, service) === "",
  );
  if (attached !== undefined) {
    const message = `has no effect on ${host}: ${attached.kind} ${objectKey(attached.metadata)} is attached to it and goes first`;
    return [warning(field, message, "Conflicted")];
  }
  const own = objectKey(virtualService.metadata);
  const all = virtualServicesOf(inputs.routing, fetch, service.hostname, namespace);
  const position = all.findIndex(({ metadata }) => objectKey(metadata) === own);
  const older = all
    .slice(0, Math.max(0, position))
    // One that is for fewer clients takes nothing from the others.
    .filter((each) => isWithinVisibility(visibilityOf(virtualService), visibilityOf(each)));
  return besideOlder(virtualService, older, host, meshGateway, field);
}

/** Why requests to a service are not routed. */
function unseenRequests({ spec }: VirtualService, service: MeshService): string | undefined {
  if ((spec.http ?? []).length === 0) return undefined;
  if (service.headless) return "it is headless, so clients dial its pods and not the Service";
  const ports = service.ports.map(({ port }) => port);
  return withoutRequests(service, ports);
}

/** Names that TLS asks for stand among the hosts, whatever they are the names of. */
function isServerName({ spec }: VirtualService, host: string): boolean {
  return (spec.tls ?? []).some(({ match }) => match.some(({ sniHosts }) => sniHosts.includes(host)));
}

/** A host that is no service: a wildcard over some, or a name of its own. */
function checkName(
  virtualService: VirtualService,
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const services = host.startsWith("*") ? fetch.all(inputs.routing.services) : [];
  if (services.some(({ hostname }) => coversHost(host, hostname))) return [];
  if (!isOwnHost(virtualService, host.toLowerCase(), inputs.routing, fetch))
    return [unknownHost(field, host, virtualService.metadata.namespace ?? "default")];
  const message = `${host} names no Service and no ServiceEntry, so this is for requests with that Host to port ${virtualHostPort} of addresses that are nobody's`;
  return [warning(field, message)];
}
