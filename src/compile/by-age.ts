import type { KubernetesObject } from "#model/kubernetes/object.ts";
import { objectKey } from "#model/reference.ts";

/** Gateway API's order among objects: the oldest, then by name. */
export function byAge(a: KubernetesObject, b: KubernetesObject): number {
  const created = (object: KubernetesObject) => object.metadata.creationTimestamp ?? "";
  return created(a).localeCompare(created(b)) || objectKey(a.metadata).localeCompare(objectKey(b.metadata));
}
