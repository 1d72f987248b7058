// Takes an installation out of a cluster, whole or what is left of one.
import { setTimeout as sleep } from "node:timers/promises";
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { type KubernetesClient, pathOf } from "#kubernetes/client.ts";
import { systemNamespace } from "#model/installation.ts";
import { gatewayNameLabel } from "#model/kubernetes/workload.ts";
import type { KubernetesObject } from "#model/object.ts";
import { remove } from "./apply.ts";
import { customResourceDefinitions } from "./crds/definitions.ts";
import { orAbsent } from "./installed.ts";
import { manifests } from "./manifests.ts";
import type { Manifest } from "./object.ts";
import { defaultSettings, injectionModes } from "./settings.ts";

/** How far it is: for the terminal. */
export type Step = (text: string) => void;

const pollMs = 500;
const namespacePatienceMs = 120_000;

/** Removes everything, in the order in which nothing is held up by what is gone already. Gives how many objects. */
export async function uninstall(client: KubernetesClient, onStep: Step): Promise<number> {
  const objects = everyObject();
  const calling = objects.filter(({ apiVersion }) => apiVersion.startsWith("admissionregistration.k8s.io/"));
  const used = await usedDefinitions(client);
  const rest = objects
    .filter(({ metadata }) => !used.has(metadata.name))
    .filter((object) => !calling.includes(object))
    .toReversed();
  // Before anything else: pods must be created while nobody is there to inject them.
  onStep("webhooks and policies");
  let removed = await removeAll(client, calling);
  onStep("the control plane");
  removed += await removeAll(client, rest);
  await untilNamespaceIsGone(client);
  // Now that nobody makes them again.
  onStep("gateways and trust bundles");
  return removed + (await removeAll(client, await spreadObjects(client)));
}

/** The names of definitions whose objects are there: those are the users', and would go with them. */
async function usedDefinitions(client: KubernetesClient): Promise<ReadonlySet<string>> {
  const used = await Promise.all(
    customResourceDefinitions("any").map(async ({ metadata, spec }) => {
      const { group, names, versions } = spec as CustomResource;
      const objects = await listed(client, `${group}/${versions[0]?.name}`, names.kind, { limit: "1" });
      return objects.length > 0 ? [metadata.name] : [];
    }),
  );
  return new Set(used.flat());
}

interface CustomResource {
  readonly group: string;
  readonly names: { readonly kind: string };
  readonly versions: readonly { readonly name: string }[];
}

/** What any installation may have: both ways to inject. */
function everyObject(): readonly Manifest[] {
  const all = injectionModes.flatMap((injection) =>
    manifests({ ...defaultSettings("any"), injection, gatewayApi: true }),
  );
  const keys = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return all.filter((_, i) => keys.indexOf(keys[i] ?? "") === i);
}

async function removeAll(client: KubernetesClient, objects: readonly Manifest[]): Promise<number> {
  let removed = 0;
  for (const object of objects) if (await remove(client, object)) removed += 1;
  return removed;
}

async function untilNamespaceIsGone(client: KubernetesClient): Promise<void> {
  const end = performance.now() + namespacePatienceMs;
  while ((await orAbsent(client.request("GET", `/api/v1/namespaces/${systemNamespace}`))) !== undefined) {
    if (performance.now() > end) {
      throw new Error(
        `the namespace ${systemNamespace} does not end; kubectl get namespace ${systemNamespace} -o yaml says what holds it up, then run heddle uninstall again`,
      );
    }
    await sleep(pollMs);
  }
}

/** What a Gateway becomes, in the namespaces of users. */
const gatewayKinds = [
  ["apps/v1", "Deployment"],
  ["v1", "Service"],
  ["v1", "ServiceAccount"],
] as const;

async function spreadObjects(client: KubernetesClient): Promise<readonly Manifest[]> {
  const ofGateways = await Promise.all(
    gatewayKinds.map(([apiVersion, kind]) =>
      listed(client, apiVersion, kind, {
        labelSelector: `app.kubernetes.io/managed-by=heddle,${gatewayNameLabel}`,
      }),
    ),
  );
  const trustBundles = await listed(client, "v1", "ConfigMap", {
    fieldSelector: `metadata.name=${trustBundleConfigMap}`,
  });
  return [...ofGateways.flat(), ...trustBundles];
}

async function listed(
  client: KubernetesClient,
  apiVersion: string,
  kind: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly Manifest[]> {
  const resource = await client.resourceOf(apiVersion, kind);
  if (resource === undefined) return [];
  // A kind that is known here may have gone meanwhile.
  const list = await orAbsent(
    client.request<{ readonly items: readonly KubernetesObject[] }>("GET", pathOf(resource), { query }),
  );
  // Items of a list do not say their kind.
  return (list?.items ?? []).map(({ metadata }) => ({ apiVersion, kind, metadata }));
}
