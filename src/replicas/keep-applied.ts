// Objects that are derived from others and kept in the API server: made, repaired when somebody changes them, removed.
import type { Collection } from "#collections/graph.ts";
import { type KubernetesClient, KubernetesError, pathOf } from "#kubernetes/client.ts";
import type { KubernetesObject } from "#model/object.ts";
import { followObjects, keyOfObject, type Selection } from "./follow-objects.ts";
import { createWorkQueue } from "./work-queue.ts";

export interface Kept {
  readonly client: KubernetesClient;
  readonly fieldManager: string;
  /** What shall be, by `keyOfObject`. */
  readonly desired: Collection<KubernetesObject>;
  /** Where objects may be that were made from `desired`, now or by an earlier leader. */
  readonly selections: readonly Selection[];
  /** Whether an object that is there and not desired is ours to remove. */
  readonly isOurs: (actual: KubernetesObject) => boolean;
  readonly onFailure: (what: string, error: unknown) => void;
}

/** Does so until the signal aborts. For the leader alone, and once the sources are synced: what is not desired goes. */
export function keepApplied(kept: Kept, signal: AbortSignal): void {
  const { client, fieldManager, desired } = kept;
  const actual = new Map<string, KubernetesObject>();
  /** What was applied, and what the object was right after. */
  const applied = new Map<string, { readonly object: KubernetesObject; readonly mark: string }>();

  const work = async (key: string): Promise<void> => {
    const wanted = desired.get(key);
    const present = actual.get(key);
    if (wanted === undefined) {
      applied.delete(key);
      if (present !== undefined && kept.isOurs(present)) await remove(client, present);
      return;
    }
    const before = applied.get(key);
    if (before?.object === wanted && present !== undefined && before.mark === markOf(present)) return;
    const result = await client.apply(wanted, { fieldManager, force: true });
    applied.set(key, { object: wanted, mark: markOf(result) });
  };
  const queue = createWorkQueue({ work, onFailure: kept.onFailure, signal });

  for (const selection of kept.selections) {
    const { kind } = selection;
    followObjects(
      client,
      selection,
      {
        changed(key, object) {
          if (object === undefined) actual.delete(key);
          else actual.set(key, object);
          queue.add(key);
        },
        onFailure: (error) => kept.onFailure(`watching ${kind}s`, error),
      },
      signal,
    );
  }
  const stop = desired.onChange((changes) => {
    for (const { key } of changes) queue.add(key);
  });
  signal.addEventListener("abort", stop, { once: true });
  for (const key of desired.keys()) queue.add(key);
}

/** Changes when somebody has changed what the object says; a Deployment's status does not count. */
function markOf({ metadata }: KubernetesObject): string {
  return metadata.generation === undefined
    ? `${metadata.resourceVersion}`
    : `generation ${metadata.generation}`;
}

async function remove(client: Kept["client"], object: KubernetesObject): Promise<void> {
  const resource = await client.resourceOf(object.apiVersion, object.kind);
  if (resource === undefined || object.metadata.deletionTimestamp !== undefined) return;
  const { uid } = object.metadata;
  try {
    await client.request("DELETE", pathOf(resource, object.metadata), {
      body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } },
    });
  } catch (error) {
    // Gone already, or another one of that name.
    if (!(error instanceof KubernetesError && [404, 409].includes(error.status))) throw error;
  }
}

/** Desired objects under the keys by which `keepApplied` knows them. */
export function byKey(
  objects: readonly KubernetesObject[],
): readonly (readonly [string, KubernetesObject])[] {
  return objects.map((object) => [keyOfObject(object), object] as const);
}
