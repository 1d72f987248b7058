import type { ObjectReference } from "#model/reference.ts";
import { isAskedFor, isKnown } from "./decisions.ts";
import type { Delivery } from "./delivery.ts";
import type { StreamOptions } from "./stream-options.ts";
import type { Want } from "./wants.ts";

/** Whether a client has the latest of what an object made. */
export interface Acknowledged {
  readonly object: ObjectReference;
  readonly isLatest: boolean;
}

/** For each object that made something a client needs: whether the client has acknowledged the latest of all of it. */
export function acknowledgedObjects(
  wants: Iterable<Want>,
  deliveryOf: (typeUrl: string) => Delivery,
  mayKeep: StreamOptions["mayKeep"],
): ReadonlyMap<string, Acknowledged> {
  const found = new Map<string, Acknowledged>();
  for (const { typeUrl, name, reasons, current } of wants) {
    const delivery = deliveryOf(typeUrl);
    // What is referred to and was not asked for the client does without, such as endpoints that it has no cluster for.
    if (reasons === 0 || current?.kind !== "resource" || !isAskedFor(delivery, name)) continue;
    const held = delivery.subscription.held.get(name);
    const isLatest =
      held === current.version ||
      (held !== undefined && isKnown(held) && mayKeep(held, current, { typeUrl, name }));
    for (const { kind, namespace, name: objectName } of current.origins) {
      const object = { kind, namespace, name: objectName };
      const key = `${kind} ${namespace}/${objectName}`;
      found.set(key, { object, isLatest: isLatest && found.get(key)?.isLatest !== false });
    }
  }
  return found;
}
