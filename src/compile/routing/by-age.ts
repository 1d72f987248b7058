import type { ObjectMeta } from "#model/object.ts";
import { objectKey } from "#model/reference.ts";

/** What has the age and the name of an object. */
interface Aged {
  readonly metadata: Pick<ObjectMeta, "namespace" | "name" | "creationTimestamp">;
}

/** Gateway API's order among objects: the oldest, then by name. */
export function byAge(a: Aged, b: Aged): number {
  const created = ({ metadata }: Aged) => metadata.creationTimestamp ?? "";
  return created(a).localeCompare(created(b)) || objectKey(a.metadata).localeCompare(objectKey(b.metadata));
}
