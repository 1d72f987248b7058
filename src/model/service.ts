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

/** A service of the mesh. */
export interface MeshService {
  readonly namespace: string;
  readonly name: string;
  /** Fully qualified, e.g. `reviews.bookstore.svc.cluster.local`. */
  readonly hostname: string;
  /** The virtual IP; undefined for headless services and for those that have none yet. */
  readonly address: string | undefined;
  readonly headless: boolean;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly MeshServicePort[];
}

/** A port of a service, named so that it can be a key. */
export interface ServicePortReference {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}
