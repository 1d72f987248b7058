import type { OthersPolicy } from "./others.ts";
import type { ConnectionPool } from "./policy.ts";
import type { Origin } from "./reference.ts";
import type { TlsTermination } from "./server-tls.ts";
import type { PortProtocol } from "./service.ts";

/** What a Sidecar says of the workloads that it is for. */
export interface SidecarScope {
  readonly namespace: string;
  /** The labels of pods that it is for; empty for all of its namespace. */
  readonly selector: Readonly<Record<string, string>>;
  /** What may be known; undefined: everything. */
  readonly egress: readonly EgressScope[] | undefined;
  /** What the application reaches by calling its sidecar. */
  readonly egressListeners: readonly EgressListener[];
  /** What it reaches at addresses that are nobody's otherwise. */
  readonly egressAddresses: readonly EgressAddress[];
  /** What becomes of the rest; undefined: as for the whole mesh. */
  readonly others: OthersPolicy | EgressProxy | undefined;
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
  readonly hosts: readonly HostScope[];
}

/** `*`: any namespace; `.`: that of the client. */
export interface HostScope {
  readonly namespace: string;
  readonly host: string;
}

/** Where a proxy listens beside what is captured. */
export type Bind =
  | { readonly kind: "address"; readonly address: string; readonly port: number }
  /** `@NAME` is in no file system. */
  | { readonly kind: "socket"; readonly path: string };

/** A place where a sidecar listens for its application. */
export interface EgressListener {
  readonly at: Bind;
  /** That of the hosts; undefined: any that they have with this protocol. */
  readonly port: number | undefined;
  readonly protocol: PortProtocol;
  readonly hosts: readonly HostScope[];
}

/** An address that stands for hosts: connections to it are captured. */
export interface EgressAddress {
  readonly address: string;
  readonly port: number;
  readonly hosts: readonly HostScope[];
}

/** Who gets what is not known, to take it there. */
export interface EgressProxy {
  /** As written in an object of the namespace. */
  readonly host: string;
  /** Undefined: the only one that it has. */
  readonly port: number | undefined;
  /** Empty for all endpoints. */
  readonly subset: string;
}

export interface IngressPort {
  readonly port: number;
  readonly protocol: PortProtocol;
  readonly endpoint: IngressEndpoint;
  /** Undefined: as for all ports. */
  readonly connectionPool?: ConnectionPool;
  /** That of a pod's addresses at which connections are captured; undefined: any. */
  readonly address?: string;
  /** Where the sidecar itself listens. */
  readonly bind?: Bind;
  /** Of clients without a sidecar, who may come no other way then. */
  readonly tls?: TlsTermination;
}

/** Where the application listens. */
export type IngressEndpoint =
  /** At the pod's own address; undefined: on the port that was dialled. */
  | { readonly kind: "pod"; readonly port: number | undefined }
  | { readonly kind: "loopback"; readonly port: number }
  | { readonly kind: "socket"; readonly path: string };
