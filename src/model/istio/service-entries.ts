import { firstOfEach } from "../first-of-each.ts";
import { isOutsideHostname } from "../hostname.ts";
import type { Namespace } from "../kubernetes/configuration.ts";
import { isHttp2Word, protocolOfWord } from "../port-protocol.ts";
import { type MeshService, type MeshServicePort, type Resolution } from "../service.ts";
import { trafficDistribution } from "../traffic-distribution.ts";
import { visibility } from "../visibility.ts";
import type { IstioServicePort, ServiceEntry } from "./service-entry.ts";
import { listedWorkload } from "./workload-entries.ts";

/**
 * API object → domain types, one for each host; what is no host, and ports that are there already, are left out. `of`: its
 * namespace.
 */
export function servicesOfEntry({ metadata, spec }: ServiceEntry, of?: Namespace): readonly MeshService[] {
  const { name, namespace = "default", creationTimestamp = "" } = metadata;
  const hosts = [...new Set(spec.hosts.filter(isOutsideHostname).map((host) => host.toLowerCase()))];
  const distribution = trafficDistribution(undefined, metadata, of?.metadata);
  return hosts.map((hostname) => ({
    kind: "ServiceEntry",
    namespace,
    name,
    hostname,
    addresses: (spec.addresses ?? []).map((address) => address.replace(/\/32$/, "")),
    headless: false,
    selector: spec.workloadSelector?.labels ?? {},
    ports: firstOfEach((spec.ports ?? []).map(entryPort), ({ port }) => port),
    ...(distribution === undefined ? {} : { trafficDistribution: distribution }),
    resolution: resolutionOf(spec.resolution),
    external: spec.location !== "MESH_INTERNAL",
    workloads: workloadsOf(spec).map((endpoint, index) =>
      listedWorkload(endpoint, namespace, `${name}-${index}`),
    ),
    subjectAltNames: spec.subjectAltNames ?? [],
    visibility: visibility(spec.exportTo, namespace),
    created: creationTimestamp,
  }));
}

/** The endpoints that are written down; of a STATIC entry without any, its own addresses. */
function workloadsOf({ endpoints = [], addresses = [], resolution, workloadSelector }: ServiceEntry["spec"]) {
  if (endpoints.length > 0 || resolution !== "STATIC" || workloadSelector !== undefined) return endpoints;
  return addresses.filter((address) => !address.includes("/")).map((address) => ({ address }));
}

function entryPort({ number, name, protocol = "TCP", targetPort }: IstioServicePort): MeshServicePort {
  return {
    port: number,
    name,
    protocol: protocolOfWord(protocol) ?? "tcp",
    ...(isHttp2Word(protocol) ? { http2: true as const } : {}),
    targetPort: targetPort ?? number,
  };
}

function resolutionOf(resolution: ServiceEntry["spec"]["resolution"] = "NONE"): Resolution {
  switch (resolution) {
    case "NONE":
      return { kind: "asDialled" };
    case "STATIC":
      return { kind: "listed" };
    case "DNS":
      return { kind: "dns", answers: "all" };
    case "DNS_ROUND_ROBIN":
      return { kind: "dns", answers: "first" };
    case "DYNAMIC_DNS":
      return { kind: "dnsOfRequest" };
  }
}
