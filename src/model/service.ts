/** What Heddle does with the bytes of a port. `detect`: nothing is declared, so the proxy looks at them. */
export type PortProtocol = "http" | "grpc" | "tcp" | "detect";

/** A port of a service as clients see it. */
export interface MeshServicePort {
  readonly port: number;
  readonly name: string;
  readonly protocol: PortProtocol;
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
  /** Its virtual IPs; none for headless services and for those that have none yet. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly MeshServicePort[];
  /** Endpoints that clients prefer: of their own zone, or of their own node. */
  readonly trafficDistribution?: "zone" | "node";
}

/** A port of a service, by the host that clients know it under. */
export interface ServicePortReference {
  readonly hostname: string;
  readonly port: number;
}
