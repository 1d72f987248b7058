import type { KubernetesObject } from "#model/object.ts";
import { distributionAnnotation, isDistribution } from "#model/traffic-distribution.ts";
import { type CheckFinding, warning } from "../finding.ts";

/** The annotation by which an object says which endpoints are preferred. */
export function checkTrafficDistribution({ metadata }: KubernetesObject): readonly CheckFinding[] {
  const word = metadata.annotations?.[distributionAnnotation];
  if (word === undefined || isDistribution(word)) return [];
  return [
    warning(
      `metadata.annotations["${distributionAnnotation}"]`,
      `${word} is not known, and all endpoints are treated alike; use PreferClose, PreferSameZone, PreferSameNode or Any`,
    ),
  ];
}
