import { localityLabels, nodeLabel, type Topology, topologyOfLocality } from "../locality.ts";
import type { Pod } from "./pod.ts";

/** `region.zone.subzone`, which is what a label can hold. */
const istioLocalityLabel = "istio-locality";

/**
 * Where a pod runs: by labels that Kubernetes gives it from its node since 1.35, or that its owner has written.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#podtopologylabels
 */
export function topologyOfPod({ metadata, spec }: Pod): Topology {
  const { labels = {} } = metadata;
  const locality = labels[istioLocalityLabel];
  return {
    ...(locality === undefined ? {} : topologyOfLocality(locality, ".")),
    ...Object.fromEntries(
      localityLabels.flatMap((name) => {
        const value = labels[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
    ...(spec.nodeName === undefined ? {} : { [nodeLabel]: spec.nodeName }),
  };
}
