import type { Topology } from "./locality.ts";

/** A running pod as the mesh sees it. */
export interface Workload {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly address: string;
  readonly serviceAccount: string;
  /** The owner's name: that of the Deployment, StatefulSet or Job; else that of the pod. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it runs. */
  readonly topology: Topology;
  /** A sidecar, a gateway, or a pod without a proxy. */
  readonly proxy: "sidecar" | "gateway" | "none";
  /** The pod is being deleted: its listeners drain. */
  readonly terminating: boolean;
  /** Ports that its containers declare. */
  readonly ports: readonly WorkloadPort[];
}

export interface WorkloadPort {
  readonly port: number;
  readonly name: string;
}

/** A workload that is no pod, as users write it down: a WorkloadEntry, or an endpoint of a ServiceEntry. */
export interface ListedWorkload {
  readonly namespace: string;
  readonly name: string;
  /** An IP address, or a name for DNS. */
  readonly address: string;
  /** Names of ports of services to their numbers here. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, empty if unknown. */
  readonly locality: string;
  readonly weight: number | undefined;
  readonly serviceAccount: string;
}

/** Who is at the other end of an xDS stream: from its token, never from what it says of itself. */
export interface ProxyIdentity {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly serviceAccount: string;
}

/** A proxy at the other end of an xDS stream: who it is, and what it says that it can. */
export interface Proxy extends ProxyIdentity {
  readonly balancesByLatency: boolean;
}

/** One address behind a service port. */
export interface MeshEndpoint {
  /** An IP address; a name where the service's resolution is by DNS. */
  readonly address: string;
  readonly port: number;
  /** Whether a mesh proxy takes its connections, so that they are encrypted. */
  readonly meshed: boolean;
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it is, as far as anybody says so. */
  readonly topology?: Topology;
  /** Its share relative to the others'; undefined: 1. */
  readonly weight?: number;
}
