import { type KubernetesClient, pathOf } from "#kubernetes/client.ts";
import { orAbsent } from "./installed.ts";
import { manifests } from "./manifests.ts";
import type { Manifest } from "./object.ts";
import { type InstallationSettings, injectionModes } from "./settings.ts";

/** Owns the fields that `heddle install` writes. */
export const fieldManager = "heddle-install";

/** Applies the objects one after the other: a namespace must be there before what is in it. */
export async function applyAll(client: KubernetesClient, objects: readonly Manifest[]): Promise<void> {
  for (const object of objects) await client.apply(object, { fieldManager, force: true });
}

/** What other ways to inject would have, and this one has not. */
export function replacedObjects(settings: InstallationSettings): readonly Manifest[] {
  const kept = new Set(manifests(settings).map(keyOf));
  return injectionModes
    .flatMap((injection) => manifests({ ...settings, injection }))
    .filter((object) => !kept.has(keyOf(object)));
}

/** Those of the objects that are in the cluster. */
export async function presentAmong(
  client: KubernetesClient,
  objects: readonly Manifest[],
): Promise<readonly Manifest[]> {
  const found = await Promise.all(
    objects.map(async ({ apiVersion, kind, metadata }) => {
      const resource = await client.resourceOf(apiVersion, kind);
      if (resource === undefined) return false;
      return (await orAbsent(client.request("GET", pathOf(resource, metadata)))) !== undefined;
    }),
  );
  return objects.filter((_, i) => found[i]);
}

/** Deletes an object, and says whether it was there. */
export async function remove(client: KubernetesClient, object: Manifest): Promise<boolean> {
  const { apiVersion, kind, metadata } = object;
  const resource = await client.resourceOf(apiVersion, kind);
  if (resource === undefined) return false;
  const answer = await orAbsent(
    client.request("DELETE", pathOf(resource, metadata), { query: { propagationPolicy: "Background" } }),
  );
  return answer !== undefined;
}

function keyOf({ apiVersion, kind, metadata }: Manifest): string {
  return [apiVersion, kind, metadata.namespace ?? "", metadata.name].join("/");
}
