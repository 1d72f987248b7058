import type { Collection } from "#collections/graph.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { type DesiredStatus } from "#model/status.ts";
import { createWorkQueue } from "./work-queue.ts";

const statusFieldManager = "heddle-status";

/** A status that was written is seen here soon after; if it still is not, it is written again after so long. */
const seenWithinMs = 30_000;

/**
 * Writes statuses until the signal aborts. For the leader alone. There is something to write only while a status is not
 * what it should be, so a leader that takes over writes nothing that is there already.
 */
export function writeStatuses(
  client: Pick<KubernetesClient, "apply">,
  statuses: readonly Collection<DesiredStatus>[],
  onFailure: (what: string, error: unknown) => void,
  signal: AbortSignal,
): void {
  for (const collection of statuses) {
    const work = async (key: string): Promise<void> => {
      const desired = collection.get(key);
      if (desired === undefined) return;
      await client.apply(
        { ...desired.object, status: desired.status },
        { fieldManager: statusFieldManager, subresource: "status", force: true },
      );
      const again = setTimeout(() => {
        if (collection.get(key) === desired) queue.add(key);
      }, seenWithinMs);
      again.unref();
    };
    const queue = createWorkQueue({
      work,
      onFailure: (key, error) => onFailure(`writing the ${collection.name} ${key}`, error),
      signal,
    });
    const stop = collection.onChange((changes) => {
      for (const { key, after } of changes) if (after !== undefined) queue.add(key);
    });
    signal.addEventListener("abort", stop, { once: true });
    for (const key of collection.keys()) queue.add(key);
  }
}
