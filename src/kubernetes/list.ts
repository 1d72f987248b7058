import type { KubernetesClient } from "./client.ts";

const pageSize = "500";

/** Every object below a path, page by page: a list of all pods of a large cluster is too much for one answer. */
export async function listAll<T>(
  client: KubernetesClient,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<readonly T[]> {
  const items: T[] = [];
  let next = "";
  do {
    const page = await client.request<{
      readonly metadata?: { readonly continue?: string };
      readonly items: readonly T[];
    }>("GET", path, { query: { ...query, limit: pageSize, ...(next !== "" && { continue: next }) } });
    items.push(...page.items);
    next = page.metadata?.continue ?? "";
  } while (next !== "");
  return items;
}
