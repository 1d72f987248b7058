import { posix } from "node:path";
import type { DownwardFile, KeyToPath, Pod, Volume, VolumeProjection } from "#model/kubernetes/pod.ts";
import { type Configuration, podField, type Resolved, secretData } from "../containers/environment.ts";

/** Which token of a pod's volume: its place in the list of projected sources. */
export type TokenOf = (source: VolumeProjection["serviceAccountToken"]) => string | undefined;

type Files = ReadonlyMap<string, Buffer>;

/** The files of a volume that is made from objects of the API; nothing for other kinds of volume. Pure. */
export function volumeFiles(
  volume: Volume,
  pod: Pod,
  configuration: Configuration,
  tokenOf: TokenOf,
): Resolved<Files> | undefined {
  if (volume.configMap !== undefined) return configMapFiles(volume.configMap, configuration);
  if (volume.secret !== undefined)
    return secretFiles({ ...volume.secret, name: volume.secret.secretName }, configuration);
  if (volume.downwardAPI !== undefined)
    return { kind: "resolved", value: downwardFiles(volume.downwardAPI.items, pod) };
  if (volume.projected === undefined) return undefined;
  const all = new Map<string, Buffer>();
  for (const source of volume.projected.sources) {
    const files = projectionFiles(source, pod, configuration, tokenOf);
    if (files.kind === "missing") return files;
    for (const [path, data] of files.value) all.set(path, data);
  }
  return { kind: "resolved", value: all };
}

function projectionFiles(
  source: VolumeProjection,
  pod: Pod,
  configuration: Configuration,
  tokenOf: TokenOf,
): Resolved<Files> {
  if (source.configMap !== undefined) return configMapFiles(source.configMap, configuration);
  if (source.secret !== undefined) return secretFiles(source.secret, configuration);
  if (source.downwardAPI !== undefined)
    return { kind: "resolved", value: downwardFiles(source.downwardAPI.items, pod) };
  if (source.serviceAccountToken === undefined) return { kind: "resolved", value: new Map() };
  const token = tokenOf(source.serviceAccountToken);
  if (token === undefined) return { kind: "missing", message: "its service account token is not issued yet" };
  return { kind: "resolved", value: new Map([[source.serviceAccountToken.path, Buffer.from(token)]]) };
}

interface Reference {
  readonly name: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

function configMapFiles(reference: Reference, configuration: Configuration): Resolved<Files> {
  const found = configuration.configMap(reference.name);
  if (found === undefined) return absent(reference, `ConfigMap ${reference.name} does not exist`);
  const data = new Map([
    ...Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const),
    ...Object.entries(found.binaryData ?? {}).map(
      ([key, value]) => [key, Buffer.from(value, "base64")] as const,
    ),
  ]);
  return chosen(reference, data, "ConfigMap");
}

function secretFiles(reference: Reference, configuration: Configuration): Resolved<Files> {
  const found = configuration.secret(reference.name);
  if (found === undefined) return absent(reference, `Secret ${reference.name} does not exist`);
  return chosen(reference, secretData(found), "Secret");
}

function absent(reference: Reference, message: string): Resolved<Files> {
  return reference.optional === true ? { kind: "resolved", value: new Map() } : { kind: "missing", message };
}

function chosen(reference: Reference, data: Files, kind: string): Resolved<Files> {
  if (reference.items === undefined) return { kind: "resolved", value: data };
  const files = new Map<string, Buffer>();
  for (const { key, path } of reference.items) {
    const value = data.get(key);
    if (value !== undefined) files.set(inside(path), value);
    else if (reference.optional !== true)
      return { kind: "missing", message: `${kind} ${reference.name} has no key ${key}` };
  }
  return { kind: "resolved", value: files };
}

function downwardFiles(items: readonly DownwardFile[], pod: Pod): Files {
  return new Map(
    items.map((item) => [inside(item.path), Buffer.from(podField(item.fieldRef.fieldPath, pod))]),
  );
}

/** A path of a volume stays in the volume. */
function inside(path: string): string {
  return posix.join("/", path).slice(1);
}
