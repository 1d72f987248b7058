import type { TrafficDistribution } from "./traffic-distribution.ts";
import type { Visibility } from "./visibility.ts";
import type { ListedWorkload } from "./workload.ts";

/**
 * What Heddle does with the bytes of a port. `tls`: of the application's own, and passed on as they are; the client
 * speaks first. `detect`: nothing is declared, so the proxy looks at them.
 */
export type PortProtocol = "http" | "grpc" | "tcp" | "tls" | "detect";

/** Whether a port is declared to have requests of HTTP, those of gRPC among them. */
export function isHttp(protocol: PortProtocol): boolean {
  return protocol === "http" || protocol === "grpc";
}

/** Whether the bytes of a port are passed on, and nobody looks for requests among them. */
export function isOpaque(protocol: PortProtocol): boolean {
  return protocol === "tcp" || protocol === "tls";
}

/** A port of a service as clients see it. */
export interface MeshServicePort {
  readonly port: number;
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Declared to speak HTTP/2 from the first byte. */
  readonly http2?: true;
  /** A number, or the name of a container port. */
  readonly targetPort: number | string;
}

/** A service that clients of the mesh can reach. */
export interface MeshService {
  /** The kind of object that defines it. */
  readonly kind: "Service" | "ServiceEntry";
  readonly namespace: string;
  readonly name: string;
  /** Fully qualified, e.g. `reviews.bookstore.svc.cluster.local`. */
  readonly hostname: string;
  /** Its virtual IPs, those of a ServiceEntry also CIDR ranges; none for headless services and hosts without any. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly MeshServicePort[];
  readonly trafficDistribution?: TrafficDistribution;
  readonly resolution: Resolution;
  /** Whether it is outside of the mesh: nothing there has a sidecar. */
  readonly external: boolean;
  /** What users have written down behind it, beside what `selector` selects. */
  readonly workloads: readonly ListedWorkload[];
  /** Names of its servers' certificates, where TLS is made for it. */
  readonly subjectAltNames: readonly string[];
  /** Whose clients may know it. */
  readonly visibility: Visibility;
  /** RFC 3339, empty if unknown: of two for one host the older counts. */
  readonly created: string;
}

/** How the endpoints of a service are found. */
export type Resolution =
  /** They are listed by address. */
  | { readonly kind: "listed" }
  /** It is the address that the application has dialled. */
  | { readonly kind: "asDialled" }
  /** By DNS, of the listed names, or of the host where none is; `answers`: whether all count, or the first alone. */
  | { readonly kind: "dns"; readonly answers: "all" | "first" }
  /** By DNS, of the host that the request or connection names. */
  | { readonly kind: "dnsOfRequest" };

/** A port of a service, by the host that clients know it under. */
export interface ServicePortReference {
  readonly hostname: string;
  readonly port: number;
}
