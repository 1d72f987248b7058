// A few objects, followed as they change: those that somebody keeps in order, where no source of the mesh has them.
import { type KubernetesClient, KubernetesError, pathOf } from "#kubernetes/client.ts";
import type { KubernetesObject } from "#model/object.ts";
import { reflect } from "#sources/kubernetes/reflector.ts";

/** Which objects. */
export interface Selection {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  /** `metadata.name=…` */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface Follower {
  /** What there is now, and each change of it; `undefined` for one that has gone. `key` is that of `keyOfObject`. */
  changed(key: string, object: KubernetesObject | undefined): void;
  onFailure(error: Error): void;
}

/** The key under which an object is told of: `Kind namespace/name`. */
export function keyOfObject({ kind, metadata }: KubernetesObject): string {
  const { namespace, name } = metadata;
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

/** Follows the objects until the signal aborts, whatever the API server does. */
export function followObjects(
  client: KubernetesClient,
  selection: Selection,
  follower: Follower,
  signal: AbortSignal,
): void {
  const { apiVersion, kind, namespace, fieldSelector, labelSelector } = selection;
  let known = new Set<string>();
  const keyed = (key: string) => `${kind} ${key}`;
  const reflected = reflect<KubernetesObject>(
    client,
    {
      path: async () => {
        const resource = await client.resourceOf(apiVersion, kind);
        if (resource === undefined) throw new KubernetesError(404, "NotFound", `the cluster has no ${kind}s`);
        return pathOf(resource, namespace === undefined ? {} : { namespace });
      },
      query: {
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
      },
      // Items of a list do not say what kind they are.
      keep: (stored) => ({ ...stored, apiVersion, kind }),
      replace: (objects) => {
        const before = known;
        known = new Set(objects.keys());
        for (const key of before) if (!known.has(key)) follower.changed(keyed(key), undefined);
        for (const [key, object] of objects) follower.changed(keyed(key), object);
      },
      change: (key, object) => {
        if (object === undefined) known.delete(key);
        else known.add(key);
        follower.changed(keyed(key), object);
      },
      onState: (error) => {
        if (error !== undefined) follower.onFailure(error);
      },
    },
    signal,
  );
  reflected.catch((error: Error) => follower.onFailure(error));
}
