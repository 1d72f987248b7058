import type { Collection } from "#collections/graph.ts";
import { controlPlaneName, systemNamespace } from "#model/installation.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";

/** The addresses of the other replicas, one each: ready or not, they may have proxies. */
export function otherReplicas(slices: Collection<EndpointSlice>, ownPod: string): readonly string[] {
  const addresses = new Map<string, string>();
  for (const [, { metadata, endpoints }] of slices.entries()) {
    const service = metadata.labels?.["kubernetes.io/service-name"];
    if (metadata.namespace !== systemNamespace || service !== controlPlaneName) continue;
    for (const { addresses: ofOne, targetRef } of endpoints ?? []) {
      const [address = ""] = ofOne;
      const pod = targetRef?.name ?? address;
      // Where there are two families, a replica has an address, and a slice, of each.
      if (pod !== ownPod && !addresses.has(pod)) addresses.set(pod, address);
    }
  }
  return [...addresses.values()].sort();
}
