import type { KubernetesClient } from "./client.ts";

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  /** As the server says it, such as `v1.36.3`. */
  readonly text: string;
}

/** The oldest Kubernetes in which containers can be native sidecars without anybody having enabled them. */
export const oldestMinor = 29;

/** What `/version` answers. Some clouds write the minor version as `29+`. */
export function parseServerVersion(info: {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}): ServerVersion {
  const number = (text: string) => Number.parseInt(text, 10);
  return { major: number(info.major), minor: number(info.minor), text: info.gitVersion };
}

export async function readServerVersion(client: KubernetesClient): Promise<ServerVersion> {
  return parseServerVersion(await client.request("GET", "/version"));
}

/** Whether native sidecars (1.29) are there: without them a sidecar neither starts first nor lets Jobs finish. */
export function isSupported({ major, minor }: ServerVersion): boolean {
  return major > 1 || (major === 1 && minor >= oldestMinor);
}

/** Whether containers can have a `preStop` that sleeps (1.30). */
export function canDelayTermination({ major, minor }: ServerVersion): boolean {
  return major > 1 || (major === 1 && minor >= 30);
}

/** Throws with what to do if the API server is too old for sidecars. */
export async function requireSupported(client: KubernetesClient): Promise<void> {
  const version = await readServerVersion(client);
  if (isSupported(version)) return;
  throw new Error(`the cluster runs Kubernetes ${version.text}; Heddle needs 1.${oldestMinor} or later`);
}
