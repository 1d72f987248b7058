// Which pods of a cluster are in the mesh, or should be.
import { decideInjection } from "#injector/decision.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { listAll } from "#kubernetes/list.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import { proxyContainerName, proxyKind } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";

export interface MeshedPod {
  readonly namespace: string;
  readonly name: string;
  /** `none` is a pod that should have a proxy, and was created without. */
  readonly proxy: "sidecar" | "gateway" | "none";
  /** Empty where there is no proxy. */
  readonly proxyImage: string;
  readonly ready: boolean;
  /** Whether the proxy ends again and again as soon as it has started. */
  readonly crashes: boolean;
}

/** What the control plane calls a pod's proxy. */
export function proxyId({ namespace, name }: Pick<MeshedPod, "namespace" | "name">): string {
  return `${name}.${namespace}`;
}

/** Those that run and go on running; what the policy keeps out of the mesh is left out. */
export function meshedPods(
  pods: readonly Pod[],
  namespaces: readonly KubernetesObject[],
): readonly MeshedPod[] {
  const labels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels]));
  return pods.flatMap((pod) => {
    const { name, namespace = "default" } = pod.metadata;
    const phase = pod.status?.phase;
    const ends = pod.metadata.deletionTimestamp !== undefined || phase === "Succeeded" || phase === "Failed";
    if (ends) return [];
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const proxyImage = containers.find((container) => container.name === proxyContainerName)?.image ?? "";
    const proxy = proxyKind(pod.spec);
    if (proxy === "none" && !decideInjection(pod, labelled(labels.get(namespace))).inject) return [];
    return [{ namespace, name, proxy, proxyImage, ready: isReady(pod), crashes: proxyCrashes(pod) }];
  });
}

function proxyCrashes({ status }: Pod): boolean {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const proxy = all.find(({ name }) => name === proxyContainerName);
  return proxy?.state?.waiting?.reason === "CrashLoopBackOff";
}

function labelled(labels: Readonly<Record<string, string>> | undefined) {
  return labels === undefined ? {} : { labels };
}

export async function readMeshedPods(client: KubernetesClient): Promise<readonly MeshedPod[]> {
  const [pods, namespaces] = await Promise.all([
    listAll<Pod>(client, "/api/v1/pods"),
    listAll<KubernetesObject>(client, "/api/v1/namespaces"),
  ]);
  return meshedPods(pods, namespaces);
}

/** The pods with a sidecar, by namespace. */
export async function podsWithSidecar(
  client: KubernetesClient,
): Promise<readonly { readonly namespace: string; readonly names: readonly string[] }[]> {
  const pods = (await readMeshedPods(client)).filter(({ proxy }) => proxy === "sidecar");
  return [...Map.groupBy(pods, ({ namespace }) => namespace)].map(([namespace, group]) => ({
    namespace,
    names: group.map(({ name }) => name),
  }));
}
