import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Container, Pod, Volume, VolumeMount, VolumeProjection } from "#model/kubernetes/pod.ts";
import type { Configuration, Resolved } from "../containers/environment.ts";
import type { Mount } from "../containers/mount-plan.ts";
import { writeAtomically } from "./atomic-directory.ts";
import { volumeFiles } from "./volume-files.ts";

/** Kubernetes' default for tokens: an hour. */
const TOKEN_SECONDS = 3600;
/** A token is renewed when so much of its life is over, as the kubelet does it. */
const RENEW_AT = 0.8;
const RENEWAL_RETRY_MS = 1_000;

type TokenSource = NonNullable<VolumeProjection["serviceAccountToken"]>;

/** Issues a token for the pod that asks. */
export type IssueToken = (
  pod: Pod,
  audience: string,
  expirationSeconds: number,
) => Promise<{ readonly token: string; readonly expiresAt: Date }>;

/** The volumes of one pod, as directories of the host. */
export interface PodVolumes {
  /** What a container sees of them; or what it still waits for. Writes what has changed. */
  mounts(container: Container): Resolved<readonly Mount[]>;
  /** Writes what has changed in the objects that volumes are made from. */
  refresh(): void;
  close(): void;
}

/** Makes the volumes of a pod below `directory`, and keeps its tokens young until closed. */
export async function openVolumes(options: {
  readonly directory: string;
  /** The pod as it is now: the Downward API tells its address and annotations. */
  readonly pod: () => Pod;
  readonly configuration: Configuration;
  readonly issueToken: IssueToken;
}): Promise<PodVolumes> {
  const { directory, pod, configuration } = options;
  const volumes = pod().spec.volumes ?? [];
  const tokens = new Map<TokenSource, string>();
  const written = new Map<string, ReadonlyMap<string, Buffer>>();
  const timers = new Map<TokenSource, NodeJS.Timeout>();
  let closed = false;

  async function keepToken(source: TokenSource): Promise<void> {
    const seconds = source.expirationSeconds ?? TOKEN_SECONDS;
    let nextMs = RENEWAL_RETRY_MS;
    try {
      const issued = await options.issueToken(pod(), source.audience ?? "kubernetes", seconds);
      tokens.set(source, issued.token);
      nextMs = (issued.expiresAt.getTime() - Date.now()) * RENEW_AT;
    } finally {
      if (!closed)
        timers.set(
          source,
          setTimeout(() => void keepToken(source).then(refresh, () => {}), nextMs),
        );
    }
  }

  function write(volume: Volume): string | undefined {
    const files = volumeFiles(volume, pod(), configuration, (source) => source && tokens.get(source));
    if (files === undefined) return undefined;
    if (files.kind === "missing") return files.message;
    if (isDeepStrictEqual(written.get(volume.name), files.value)) return undefined;
    writeAtomically(join(directory, volume.name), files.value, volume.projected?.defaultMode ?? 0o644);
    written.set(volume.name, files.value);
    return undefined;
  }

  function refresh(): void {
    if (closed) return;
    for (const volume of volumes) if (written.has(volume.name)) write(volume);
  }

  for (const volume of volumes)
    if (volume.emptyDir !== undefined) makeEmpty(join(directory, volume.name), pod());
  const sources = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  await Promise.all(
    sources.flatMap(({ serviceAccountToken }) =>
      serviceAccountToken === undefined ? [] : [keepToken(serviceAccountToken)],
    ),
  );

  return {
    refresh,
    mounts(container) {
      const mounts: Mount[] = [];
      for (const request of container.volumeMounts ?? []) {
        const volume = volumes.find(({ name }) => name === request.name);
        if (volume === undefined)
          return { kind: "missing", message: `the pod has no volume named ${request.name}` };
        const message = write(volume);
        if (message !== undefined) return { kind: "missing", message };
        const mount = volumeMount(request, volume, directory);
        if (typeof mount === "string") return { kind: "missing", message: mount };
        mounts.push(mount);
      }
      return { kind: "resolved", value: mounts };
    },
    close() {
      closed = true;
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}

function makeEmpty(path: string, pod: Pod): void {
  const group = pod.spec.securityContext?.fsGroup;
  mkdirSync(path, { recursive: true });
  if (group !== undefined) chownSync(path, 0, group);
  chmodSync(path, group === undefined ? 0o777 : 0o2777);
}

function volumeMount(request: VolumeMount, volume: Volume, directory: string): Mount | string {
  const root = volume.hostPath?.path ?? join(directory, volume.name);
  const source = request.subPath === undefined ? root : join(root, join("/", request.subPath));
  const found = statSync(source, { throwIfNoEntry: false });
  if (found === undefined && volume.emptyDir === undefined) return `${source} does not exist`;
  if (found === undefined) mkdirSync(source, { recursive: true });
  return {
    source,
    target: request.mountPath,
    kind: found === undefined || found.isDirectory() ? "directory" : "file",
    readOnly: request.readOnly === true,
  };
}
