import type { MeshService, MeshServicePort, PortProtocol } from "../service.ts";
import { visibility } from "../visibility.ts";
import type { Service, ServicePort } from "./service.ts";

/** https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo */
const exportToAnnotation = "networking.istio.io/exportTo";

const clusterDomain = "cluster.local";

/** The fully qualified name of a service, by which clusters and hosts call it. */
export function serviceHostname(namespace: string, name: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/**
 * API object → domain type. UDP ports are left out: they are not captured. So are those of an ExternalName, which is a
 * name in DNS for another host: who dials it dials that one.
 */
export function meshService(service: Service): MeshService {
  const { name, namespace = "default" } = service.metadata;
  const clusterIP = service.spec.clusterIP;
  const trafficDistribution = distributionOf(service);
  return {
    kind: "Service",
    namespace,
    name,
    hostname: serviceHostname(namespace, name),
    addresses: clusterIP === undefined || clusterIP === "" || clusterIP === "None" ? [] : [clusterIP],
    headless: clusterIP === "None",
    selector: service.spec.selector ?? {},
    ports: (service.spec.type === "ExternalName" ? [] : (service.spec.ports ?? []))
      .filter((port) => (port.protocol ?? "TCP") === "TCP")
      .map((port) => meshServicePort(port)),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    resolution: { kind: "listed" },
    external: false,
    workloads: [],
    subjectAltNames: [],
    visibility: visibility(
      service.metadata.annotations?.[exportToAnnotation]?.split(",").map((part) => part.trim()),
      namespace,
    ),
    created: service.metadata.creationTimestamp ?? "",
  };
}

/** Istio's name for what is in the spec of younger Services. */
const distributionAnnotation = "networking.istio.io/traffic-distribution";

const distributions: Readonly<Record<string, MeshService["trafficDistribution"]>> = {
  PreferClose: "zone",
  PreferSameZone: "zone",
  PreferSameNode: "node",
};

function distributionOf({ metadata, spec }: Service): MeshService["trafficDistribution"] {
  return distributions[metadata.annotations?.[distributionAnnotation] ?? spec.trafficDistribution ?? ""];
}

function meshServicePort(port: ServicePort): MeshServicePort {
  return {
    port: port.port,
    name: port.name ?? "",
    protocol: portProtocol(port),
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

/**
 * `appProtocol` decides, else the first word of the port's name (`http-web` → http).
 * https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
export function portProtocol(port: { readonly appProtocol?: string; readonly name?: string }): PortProtocol {
  const declared = port.appProtocol === undefined ? undefined : protocolOfWord(port.appProtocol);
  if (declared !== undefined) return declared;
  const name = port.name?.toLowerCase() ?? "";
  return name.startsWith("grpc-web") ? "grpc" : (protocolOfWord(name.split("-")[0] ?? "") ?? "detect");
}

/** A protocol by its name in Kubernetes or Istio, in any case; undefined if it is none that is known. */
export function protocolOfWord(word: string): PortProtocol | undefined {
  return protocolWords[word.toLowerCase()];
}
