import { firstOfEach } from "../first-of-each.ts";
import { portProtocol, speaksHttp2AtOnce } from "../port-protocol.ts";
import { type MeshService, type MeshServicePort } from "../service.ts";
import { trafficDistribution } from "../traffic-distribution.ts";
import { visibility } from "../visibility.ts";
import type { Namespace } from "./configuration.ts";
import type { Service, ServicePort } from "./service.ts";

/** https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo */
const exportToAnnotation = "networking.istio.io/exportTo";

const clusterDomain = "cluster.local";

/** The fully qualified name of a service, by which clusters and hosts call it. */
export function serviceHostname(namespace: string, name: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** API object → domain type. UDP ports are left out: they are not captured. `of`: its namespace. */
export function meshService(service: Service, of?: Namespace): MeshService {
  const { name, namespace = "default" } = service.metadata;
  const clusterIP = service.spec.clusterIP;
  const distribution = trafficDistribution(service.spec.trafficDistribution, service.metadata, of?.metadata);
  return {
    kind: "Service",
    namespace,
    name,
    hostname: serviceHostname(namespace, name),
    addresses: clusterIP === undefined || clusterIP === "" || clusterIP === "None" ? [] : [clusterIP],
    headless: clusterIP === "None",
    ports: firstOfEach(
      (service.spec.ports ?? [])
        .filter((port) => (port.protocol ?? "TCP") === "TCP")
        .map((port) => meshServicePort(port)),
      ({ port }) => port,
    ),
    ...(distribution === undefined ? {} : { trafficDistribution: distribution }),
    ...backing(service, namespace),
    subjectAltNames: [],
    visibility: visibility(
      service.metadata.annotations?.[exportToAnnotation]?.split(",").map((part) => part.trim()),
      namespace,
    ),
    created: service.metadata.creationTimestamp ?? "",
  };
}

/** What stands behind it. An ExternalName is a host of another name, which DNS knows: nothing selects anything there. */
function backing(
  { metadata: { name }, spec }: Service,
  namespace: string,
): Pick<MeshService, "selector" | "resolution" | "external" | "workloads"> {
  if (spec.type !== "ExternalName")
    return { selector: spec.selector ?? {}, resolution: { kind: "listed" }, external: false, workloads: [] };
  const nothing = { ports: {}, labels: {}, locality: "", weight: undefined, serviceAccount: "" };
  return {
    selector: {},
    resolution: { kind: "dns", answers: "all" },
    external: true,
    workloads: [{ namespace, name, address: spec.externalName ?? "", ...nothing }],
  };
}

function meshServicePort(port: ServicePort): MeshServicePort {
  return {
    port: port.port,
    name: port.name ?? "",
    protocol: portProtocol(port),
    ...(speaksHttp2AtOnce(port) ? { http2: true as const } : {}),
    targetPort: port.targetPort ?? port.port,
  };
}
