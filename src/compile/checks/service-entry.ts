import type { Fetch } from "#collections/graph.ts";
import { servicesOfEntry } from "#model/istio/service-entries.ts";
import type { IstioServicePort, ServiceEntry } from "#model/istio/service-entry.ts";
import { protocolOfWord } from "#model/port-protocol.ts";
import { objectKey } from "#model/reference.ts";
import type { MeshService } from "#model/service.ts";
import { isVisible } from "#model/visibility.ts";
import { isIpv4Range } from "../endpoints/address-ranges.ts";
import { type CheckFinding, error, warning } from "../finding.ts";
import { openTcpPorts } from "../outbound/reach.ts";
import { listed } from "../services/listed.ts";
import { byPrecedence, objectOfService, serviceKey } from "../services/services.ts";
import { checkEndpoint } from "./endpoint.ts";
import { checkHostname, noHost } from "./hostname.ts";
import type { CheckInputs } from "./inputs.ts";
import { checkTrafficDistribution } from "./traffic-distribution.ts";

/** Hosts, addresses, ports and endpoints of a ServiceEntry, and who else is for the same. */
export function checkServiceEntry(
  entry: ServiceEntry,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const services = servicesOfEntry(entry);
  return [
    ...entry.spec.hosts.flatMap((host, index) => [
      ...checkHost(entry, host, `spec.hosts[${index}]`),
      ...checkRivals(services, host.toLowerCase(), `spec.hosts[${index}]`, inputs, fetch),
    ]),
    ...(entry.spec.addresses ?? []).flatMap((address, index) =>
      isIpv4Range(address)
        ? []
        : [
            warning(
              `spec.addresses[${index}]`,
              `${address} is no IPv4 address or range, and has no effect`,
              "UnsupportedValue",
            ),
          ],
    ),
    ...checkPorts(entry.spec.ports ?? []),
    ...checkResolution(entry),
    ...checkPortNames(entry),
    ...checkTrafficDistribution(entry),
    ...(services[0] === undefined ? [] : checkOpenPorts(entry, services[0], inputs, fetch)),
  ];
}

function checkHost({ spec }: ServiceEntry, host: string, field: string): readonly CheckFinding[] {
  const faults = checkHostname(host, field);
  if (faults.length > 0) return faults;
  const isWild = host.startsWith("*");
  if (isWild && !host.startsWith("*.")) return [noHost(host, field)];
  const { resolution = "NONE", endpoints = [], workloadSelector } = spec;
  const needsName = resolution === "DNS" || resolution === "DNS_ROUND_ROBIN";
  if (!isWild || !needsName || endpoints.length > 0 || workloadSelector !== undefined) return [];
  const message = `DNS cannot be asked for ${host}; use resolution DYNAMIC_DNS, or list endpoints`;
  return [error(field, message, "UnsupportedValue")];
}

/** The others with the same host: a Service goes first, then what is of the client's namespace, then the oldest. */
function checkRivals(
  services: readonly MeshService[],
  host: string,
  field: string,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  const own = services.find(({ hostname }) => hostname === host);
  if (own === undefined) return [];
  const rivals = fetch
    .by(inputs.routing.servicesByHostname, host)
    .filter((other) => serviceKey(other) !== serviceKey(own) && isVisible(other.visibility, own.namespace));
  const [first] = [...rivals, own].sort(byPrecedence(own.namespace));
  if (first === undefined) return [];
  if (serviceKey(first) !== serviceKey(own)) {
    const message = `has no effect: ${objectOfService(first)} has the host ${host} already, and goes first`;
    return [warning(field, message, "Conflicted")];
  }
  const elsewhere = rivals.sort(byPrecedence(""))[0];
  if (elsewhere === undefined || byPrecedence("")(elsewhere, own) > 0) return [];
  const message = `has effect for clients of namespace ${own.namespace} alone: ${objectOfService(elsewhere)} has the host ${host} already`;
  return [warning(field, message)];
}

/** Names by which endpoints have ports of their own. */
function checkPortNames({ spec: { ports = [], endpoints = [] } }: ServiceEntry): readonly CheckFinding[] {
  const names = ports.map(({ name }) => name);
  return [
    ...names.flatMap((name, index) =>
      names.indexOf(name) === index
        ? []
        : [
            error(
              `spec.ports[${index}].name`,
              `there is a port named ${name} already; give it another name`,
              "UnsupportedValue",
            ),
          ],
    ),
    ...endpoints.flatMap((endpoint, index) =>
      Object.keys(endpoint.ports ?? {})
        .filter((name) => !names.includes(name))
        .map((name) =>
          warning(
            `spec.endpoints[${index}].ports`,
            `${name} is the name of no port of this ServiceEntry; its ports are ${listed(names)}`,
          ),
        ),
    ),
  ];
}

function checkPorts(ports: readonly IstioServicePort[]): readonly CheckFinding[] {
  if (ports.length === 0)
    return [error("spec.ports", "ports is missing; name the ports of the hosts", "UnsupportedValue")];
  return ports.flatMap(({ number, protocol = "TCP" }, index) => {
    const field = `spec.ports[${index}]`;
    if (ports.findIndex((other) => other.number === number) !== index) {
      return [error(`${field}.number`, `there is a port ${number} already; remove one`, "UnsupportedValue")];
    }
    if (protocolOfWord(protocol) !== undefined) return [];
    const message = `${protocol} is not known, and taken for TCP; use HTTP, HTTP2, GRPC, HTTPS, TLS, TCP or MONGO`;
    return [warning(`${field}.protocol`, message, "UnsupportedValue")];
  });
}

function checkResolution({ spec }: ServiceEntry): readonly CheckFinding[] {
  const { resolution = "NONE", endpoints = [], workloadSelector, addresses = [], ports = [] } = spec;
  const findings: CheckFinding[] = [];
  if (endpoints.length > 0 && workloadSelector !== undefined) {
    findings.push(
      error(
        "spec.endpoints",
        "endpoints and workloadSelector exclude each other; remove one",
        "UnsupportedValue",
      ),
    );
  }
  if ((resolution === "NONE" || resolution === "DYNAMIC_DNS") && endpoints.length > 0) {
    findings.push(
      warning("spec.endpoints", `has no effect with resolution ${resolution}; use STATIC or DNS`),
    );
  }
  if (
    resolution === "DYNAMIC_DNS" &&
    ports.some(({ number, targetPort = number }) => targetPort !== number)
  ) {
    const message =
      "targetPort has no effect on HTTP with DYNAMIC_DNS: the port is that of the request's Host";
    findings.push(warning("spec.ports", message));
  }
  if (
    resolution === "STATIC" &&
    endpoints.length === 0 &&
    workloadSelector === undefined &&
    addresses.length === 0
  ) {
    findings.push(
      warning("spec.resolution", "STATIC has nowhere to go: list endpoints, a workloadSelector or addresses"),
    );
  }
  if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1) {
    findings.push(
      warning("spec.endpoints", "DNS_ROUND_ROBIN asks for the first endpoint alone; use DNS for all"),
    );
  }
  const byDns = resolution === "DNS" || resolution === "DNS_ROUND_ROBIN";
  return [
    ...findings,
    ...endpoints.flatMap((endpoint, index) => checkEndpoint(endpoint, `spec.endpoints[${index}]`, byDns)),
  ];
}

/** TCP of a host without addresses is all TCP to its port: of several hosts the one that goes first has it. */
function checkOpenPorts(
  entry: ServiceEntry,
  service: MeshService,
  inputs: CheckInputs,
  fetch: Fetch,
): readonly CheckFinding[] {
  return openTcpPorts(service).flatMap((port) => {
    const [first] = fetch
      .by(inputs.entriesByOpenPort, String(port))
      .flatMap((other) => servicesOfEntry(other).slice(0, 1))
      .filter(({ visibility }) => isVisible(visibility, service.namespace))
      .sort(byPrecedence(service.namespace));
    if (first === undefined || objectKey(first) === objectKey(service)) return [];
    const index = (entry.spec.ports ?? []).findIndex(({ number }) => number === port);
    const message = `has no effect: without addresses all TCP to port ${port} goes to ${objectOfService(first)}; give addresses`;
    return [warning(`spec.ports[${index}]`, message)];
  });
}
