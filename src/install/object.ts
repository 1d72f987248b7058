import { systemNamespace } from "#model/installation.ts";
import type { KubernetesObject, ObjectMeta } from "#model/object.ts";

/** An object to be applied, with whatever fields its kind has. */
export type Manifest = KubernetesObject & { readonly [field: string]: unknown };

const nameLabel = "app.kubernetes.io/name";
export const partOfLabel = "app.kubernetes.io/part-of";
export const versionLabel = "app.kubernetes.io/version";

/** The labels of every object of an installation. */
export function installationLabels(version: string): Readonly<Record<string, string>> {
  return { [nameLabel]: "heddle", [partOfLabel]: "heddle", [versionLabel]: version };
}

/** The metadata of an object of the whole cluster. */
export function clusterMeta(name: string, version: string): ObjectMeta {
  return { name, labels: installationLabels(version) };
}

/** The metadata of an object in Heddle's own namespace. */
export function systemMeta(name: string, version: string): ObjectMeta {
  return { name, namespace: systemNamespace, labels: installationLabels(version) };
}
