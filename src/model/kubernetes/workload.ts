import type { Workload } from "../workload.ts";
import type { Pod } from "./pod.ts";
import { topologyOfPod } from "./topology.ts";

/** The container that the injector adds. */
export const proxyContainerName = "heddle-proxy";

/** The label that marks the pods of a Gateway (GEP-1762). */
export const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

/** API object → domain type; undefined for a pod without an address (not started, host network aside). */
export function workloadOf(pod: Pod): Workload | undefined {
  const address = pod.status?.podIP;
  if (address === undefined || address === "" || hasEnded(pod)) return undefined;
  const { name, namespace = "default", uid = "", labels = {} } = pod.metadata;
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const proxy = proxyKind(pod.spec);
  return {
    namespace,
    pod: name,
    podUid: uid,
    address,
    serviceAccount: pod.spec.serviceAccountName ?? "default",
    name: workloadName(pod),
    labels,
    topology: topologyOfPod(pod),
    proxy,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    ports: containers
      .filter((container) => proxy === "gateway" || container.name !== proxyContainerName)
      .flatMap((container) => container.ports ?? [])
      .filter((port) => (port.protocol ?? "TCP") === "TCP")
      .map((port) => ({ port: port.containerPort, name: port.name ?? "" })),
  };
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** A sidecar is beside the application, among the init containers; a gateway's proxy is the application. */
export function proxyKind({ initContainers = [], containers }: Pod["spec"]): Workload["proxy"] {
  const isProxy = ({ name }: { readonly name: string }) => name === proxyContainerName;
  if (initContainers.some(isProxy)) return "sidecar";
  return containers.some(isProxy) ? "gateway" : "none";
}

/** The name of what owns a pod: a ReplicaSet's name without the hash of its template, or the owner's own. */
export function workloadName(pod: Pod): string {
  const owner = pod.metadata.ownerReferences?.[0];
  if (owner === undefined) return pod.metadata.name;
  const hash = pod.metadata.labels?.["pod-template-hash"];
  return owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? owner.name.slice(0, -hash.length - 1)
    : owner.name;
}
