// By whose certificate the API server knows our webhooks: kept in their configurations.
import type { KubernetesClient } from "#kubernetes/client.ts";
import { injectionWebhook, validationWebhook } from "#model/installation.ts";
import type { KubernetesObject } from "#model/object.ts";
import { followObjects, type Selection } from "./follow-objects.ts";
import { createWorkQueue } from "./work-queue.ts";

interface WebhookConfiguration extends KubernetesObject {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

const apiVersion = "admissionregistration.k8s.io/v1";
const selections: readonly Selection[] = [
  { apiVersion, kind: "MutatingWebhookConfiguration", fieldSelector: `metadata.name=${injectionWebhook}` },
  { apiVersion, kind: "ValidatingWebhookConfiguration", fieldSelector: `metadata.name=${validationWebhook}` },
];

/** Keeps `caBundle`, and no other field, of all our webhooks, until the signal aborts. For the leader alone. */
export function keepCaBundles(
  client: KubernetesClient,
  rootPem: string,
  onFailure: (what: string, error: unknown) => void,
  signal: AbortSignal,
): void {
  const caBundle = Buffer.from(rootPem).toString("base64");
  const actual = new Map<string, WebhookConfiguration>();
  const work = async (key: string): Promise<void> => {
    const { kind = "", metadata, webhooks = [] } = actual.get(key) ?? {};
    const isKept = webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle);
    if (metadata === undefined || isKept) return;
    const wanted = {
      apiVersion,
      kind,
      metadata: { name: metadata.name },
      webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
    };
    await client.apply(wanted, { fieldManager: "heddle-ca-bundle", force: true });
  };
  const queue = createWorkQueue({ work, onFailure, signal });
  for (const selection of selections) {
    followObjects(
      client,
      selection,
      {
        changed(key, object) {
          if (object === undefined) actual.delete(key);
          else actual.set(key, object);
          queue.add(key);
        },
        onFailure: (error) => onFailure(`watching ${selection.kind}s`, error),
      },
      signal,
    );
  }
}
