import type { OthersPolicy } from "./others.ts";
import type { ConnectionPool } from "./policy.ts";
import type { Origin } from "./reference.ts";
import type { PortProtocol } from "./service.ts";

/** What a Sidecar says of the workloads that it is for. */
export interface SidecarScope {
  readonly namespace: string;
  /** The labels of pods that it is for; empty for all of its namespace. */
  readonly selector: Readonly<Record<string, string>>;
  /** What may be known; undefined: everything. */
  readonly egress: readonly EgressScope[] | undefined;
  /** What becomes of the rest; undefined: as for the whole mesh. */
  readonly others: OthersPolicy | undefined;
  /** The ports that the application is reached on; undefined: those of its services. */
  readonly ingress: readonly IngressPort[] | undefined;
  /** How much the application is given at a time. */
  readonly connectionPool?: ConnectionPool;
  readonly created: string;
  readonly origin: Origin;
}

/** Hosts that may be known; those of a scope with a port only there. */
export interface EgressScope {
  readonly port: number | undefined;
  readonly hosts: readonly { readonly namespace: string; readonly host: string }[];
}

export interface IngressPort {
  readonly port: number;
  readonly protocol: PortProtocol;
  readonly endpoint: IngressEndpoint;
  /** Undefined: as for all ports. */
  readonly connectionPool?: ConnectionPool;
}

/** Where the application listens. */
export type IngressEndpoint =
  /** At the pod's own address; undefined: on the port that was dialled. */
  | { readonly kind: "pod"; readonly port: number | undefined }
  | { readonly kind: "loopback"; readonly port: number }
  | { readonly kind: "socket"; readonly path: string };
