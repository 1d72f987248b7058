import type { ApiResource } from "./client.ts";
import { KubernetesError } from "./client.ts";

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#api-discovery */
interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

const rememberedMs = 600_000;

/**
 * Finds out where the objects of a kind are. What is there is remembered; what is missing is asked for again, for it
 * may have been installed in the meantime.
 */
export function openDiscovery(
  get: (path: string) => Promise<unknown>,
): (apiVersion: string, kind: string) => Promise<ApiResource | undefined> {
  const known = new Map<string, { readonly until: number; readonly list: Promise<readonly ApiResource[]> }>();
  const listOf = (apiVersion: string): Promise<readonly ApiResource[]> => {
    const list = resourcesAt(get, apiVersion);
    known.set(apiVersion, { until: Date.now() + rememberedMs, list });
    list.catch(() => known.delete(apiVersion));
    return list;
  };
  return async (apiVersion, kind) => {
    const find = (list: readonly ApiResource[] | undefined) => list?.find((each) => each.kind === kind);
    const remembered = known.get(apiVersion);
    const found =
      remembered !== undefined && remembered.until > Date.now() ? find(await remembered.list) : undefined;
    return found ?? find(await listOf(apiVersion));
  };
}

/** The kinds that the server has under an `apiVersion`, as it says now. */
export async function resourcesAt(
  get: (path: string) => Promise<unknown>,
  apiVersion: string,
): Promise<readonly ApiResource[]> {
  const [version = "", group = ""] = apiVersion.split("/").toReversed();
  try {
    const list = await get(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
    return (list as ResourceList).resources
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced }) => ({ group, version, plural: name, kind, namespaced }));
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return [];
    throw error;
  }
}
