import { listedWorkload } from "../istio/workload-entries.ts";
import { ownValue } from "../own-value.ts";
import { type MeshService, type MeshServicePort, type PortProtocol, portsByNumber } from "../service.ts";
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
    ports: portsByNumber(
      (service.spec.ports ?? [])
        .filter((port) => (port.protocol ?? "TCP") === "TCP")
        .map((port) => meshServicePort(port)),
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
  const endpoint = { address: spec.externalName ?? "" };
  return {
    selector: {},
    resolution: { kind: "dns", answers: "all" },
    external: true,
    workloads: [listedWorkload(endpoint, namespace, name)],
  };
}

function meshServicePort(port: ServicePort): MeshServicePort {
  return {
    port: port.port,
    name: port.name ?? "",
    protocol: portProtocol(port),
    ...(isHttp2Word(declaredWord(port)) ? { http2: true as const } : {}),
    targetPort: port.targetPort ?? port.port,
  };
}

const protocolWords: Readonly<Record<string, PortProtocol>> = {
  http: "http",
  http2: "http",
  "kubernetes.io/h2c": "http",
  "kubernetes.io/ws": "http",
  grpc: "grpc",
  "grpc-web": "grpc",
  tcp: "tcp",
  tls: "tls",
  https: "tls",
  "kubernetes.io/wss": "tls",
  mongo: "tcp",
  mysql: "tcp",
  redis: "tcp",
};

/** An application's port, as far as it says what it speaks. */
interface DeclaredPort {
  readonly appProtocol?: string;
  readonly name?: string;
}

/** What a port is declared to speak; `detect` where nothing is that is known. */
export function portProtocol(port: DeclaredPort): PortProtocol {
  return protocolOfWord(declaredWord(port)) ?? "detect";
}

/**
 * `appProtocol` decides, else the first word of the port's name (`http-web` → http).
 * https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
function declaredWord({ appProtocol, name = "" }: DeclaredPort): string {
  if (appProtocol !== undefined && protocolOfWord(appProtocol) !== undefined) return appProtocol;
  return name.toLowerCase().startsWith("grpc-web") ? "grpc-web" : (name.split("-")[0] ?? "");
}

/** A protocol by its name in Kubernetes or Istio, in any case; undefined if it is none that is known. */
export function protocolOfWord(word: string): PortProtocol | undefined {
  return ownValue(protocolWords, word.toLowerCase());
}

/** Whether such a name means HTTP/2 from the first byte. */
export function isHttp2Word(word: string): boolean {
  return ["http2", "kubernetes.io/h2c", "grpc"].includes(word.toLowerCase());
}
