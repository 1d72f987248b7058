import { setTimeout as sleep } from "node:timers/promises";
import { type KubernetesClient, pathOf } from "#kubernetes/client.ts";
import { systemNamespace } from "#model/installation.ts";
import type { Manifest } from "./object.ts";

const pollMs = 200;

interface WebhookConfiguration {
  readonly webhooks?: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

/** Waits until the leader has told the API server whom to trust. Throws with what to do if it does not. */
export async function waitForTrust(
  client: KubernetesClient,
  objects: readonly Manifest[],
  timeoutMs: number,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (const object of objects.filter(({ kind }) => kind.endsWith("WebhookConfiguration"))) {
    while (!(await isTrusted(client, object))) {
      if (performance.now() > end) {
        throw new Error(
          `nobody writes the caBundle of ${object.kind} ${object.metadata.name}, which the leader of the control plane does: kubectl -n ${systemNamespace} logs deploy/heddle`,
        );
      }
      await sleep(pollMs);
    }
  }
}

async function isTrusted(
  client: KubernetesClient,
  { apiVersion, kind, metadata }: Manifest,
): Promise<boolean> {
  const resource = await client.resourceOf(apiVersion, kind);
  if (resource === undefined) return false;
  const { webhooks = [] } = await client.request<WebhookConfiguration>("GET", pathOf(resource, metadata));
  return webhooks.every(({ clientConfig }) => (clientConfig.caBundle ?? "") !== "");
}
