import { controlPlaneName, systemNamespace } from "#model/installation.ts";

/** Who a workload is to others: the namespace and service account that its token proves. */
export interface ServiceAccountIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What a certificate says: the identity, and the workload's name for telemetry. */
export interface WorkloadIdentity extends ServiceAccountIdentity {
  readonly workload: string;
}

/** What a certificate of the mesh says about its holder's trust domain and identity. */
export interface SpiffeIdentity extends ServiceAccountIdentity {
  readonly trustDomain: string;
}

const spiffePattern = /^spiffe:\/\/([a-z0-9._-]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;
const workloadDomain = ".workload.heddle";

/** The identity in Istio's form of a SPIFFE ID. https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md */
export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** The identity of the control plane, by which its replicas know each other. */
export function controlPlaneSpiffeId(trustDomain: string): string {
  return spiffeId(trustDomain, systemNamespace, controlPlaneName);
}

/** The parts of an ID that `spiffeId` made; undefined for any other URI. */
export function parseSpiffeId(uri: string): SpiffeIdentity | undefined {
  const [, trustDomain, namespace, serviceAccount] = spiffePattern.exec(uri) ?? [];
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined;
  return { trustDomain, namespace, serviceAccount };
}

/** The DNS name in a certificate that tells telemetry the peer's workload by something signed. */
export function workloadDnsName(workload: string, namespace: string): string {
  return `${workload}.${namespace}${workloadDomain}`;
}

/** The parts of a name that `workloadDnsName` made. Workload names may have dots, namespaces have none. */
export function parseWorkloadDnsName(name: string): { workload: string; namespace: string } | undefined {
  if (!name.endsWith(workloadDomain)) return undefined;
  const rest = name.slice(0, -workloadDomain.length);
  const dot = rest.lastIndexOf(".");
  if (dot < 1 || dot === rest.length - 1) return undefined;
  return { workload: rest.slice(0, dot), namespace: rest.slice(dot + 1) };
}
