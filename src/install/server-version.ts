import type { KubernetesClient } from "#kubernetes/client.ts";

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
