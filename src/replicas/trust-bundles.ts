import type { Collection, Graph } from "#collections/graph.ts";
import { trustBundleConfigMap, trustBundleObject } from "#identity/trust-bundle.ts";
import { decideInjection } from "#injector/decision.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { proxyContainerName } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { MeshObjects } from "#sources/objects.ts";
import type { Selection } from "./follow-objects.ts";
import { byKey } from "./keep-applied.ts";

export const trustBundleFieldManager = "heddle-trust-bundle";

/** Every trust bundle of a cluster has this name. */
export const trustBundleSelections: readonly Selection[] = [
  { apiVersion: "v1", kind: "ConfigMap", fieldSelector: `metadata.name=${trustBundleConfigMap}` },
];

/**
 * The trust bundles of all namespaces in which proxies run or may run: a pod with a proxy does not start before its
 * namespace has one.
 */
export function desiredTrustBundles(
  graph: Graph,
  objects: Pick<MeshObjects, "namespaces" | "pods" | "gateways">,
  rootPem: string,
): Collection<KubernetesObject> {
  // What stays the same when pods of a kind come and go stops the change there.
  const proxies = graph
    .derive("pods with a proxy", objects.pods, (pod) => (hasProxy(pod) ? pod.metadata.namespace : undefined))
    .index("by namespace", (namespace) => [namespace]);
  const gateways = objects.gateways.index("by namespace", ({ metadata }) => [metadata.namespace ?? ""]);
  return graph.deriveMany("trust bundles", objects.namespaces, (namespace, fetch, name) => {
    if (namespace.metadata.deletionTimestamp !== undefined) return [];
    const isUsed =
      isMeshedNamespace(namespace) ||
      fetch.by(proxies, name).length > 0 ||
      fetch.by(gateways, name).length > 0;
    return isUsed ? byKey([trustBundleObject(name, rootPem)]) : [];
  });
}

/** Whether a pod that says nothing itself gets a proxy there. */
function isMeshedNamespace({ metadata }: Namespace): boolean {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "any", namespace: metadata.name },
    spec: { containers: [] },
  };
  return decideInjection(pod, metadata).inject;
}

function hasProxy({ spec }: Pod): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name }) => name === proxyContainerName);
}
