import { orAbsent } from "#install/installed.ts";
import { partOfLabel } from "#install/object.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import type { KubernetesObject } from "#model/object.ts";

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly verbs: readonly string[];
  }[];
}

/** Every object of every kind of a cluster that belongs to Heddle, by its label or by its name. */
export async function leftovers(client: KubernetesClient): Promise<readonly string[]> {
  const { groups } = await client.request<{
    readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
  }>("GET", "/apis");
  const roots = [
    "/api/v1",
    ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`),
  ];
  const found = await Promise.all(
    roots.map(async (root) => {
      // A kind may go while this looks.
      const list = await orAbsent(client.request<ResourceList>("GET", root));
      const listable = (list?.resources ?? []).filter(
        ({ name, verbs }) => verbs.includes("list") && !name.includes("/"),
      );
      return Promise.all(
        listable.map(async ({ name, kind }) => {
          const objects = await orAbsent(
            client.request<{ readonly items: readonly KubernetesObject[] }>("GET", `${root}/${name}`),
          );
          return (objects?.items ?? [])
            .filter(isHeddles)
            .map(({ metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);
        }),
      );
    }),
  );
  return found.flat(2).sort();
}

function isHeddles({ metadata }: KubernetesObject): boolean {
  return (
    metadata.labels?.[partOfLabel] === "heddle" ||
    metadata.namespace === "heddle-system" ||
    metadata.name.startsWith("heddle")
  );
}
