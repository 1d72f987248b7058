// Single Secrets of a cluster: each is watched by its name alone, which a Role may allow for that name alone.
import type { Collection, Source } from "#collections/graph.ts";
import { type KubernetesClient, pathOf } from "#kubernetes/client.ts";
import type { Secret } from "#model/kubernetes/configuration.ts";
import { reflect } from "./reflector.ts";

/**
 * Fills `into` with the Secrets that are wanted, until `signal` aborts. One that may not be read is absent, and is tried
 * again with a growing delay: a Role may come later.
 */
export function followSecrets(
  client: KubernetesClient,
  wanted: Collection<string>,
  into: Source<Secret>,
  signal: AbortSignal,
): void {
  const followed = new Map<string, AbortController>();
  const start = (key: string): void => {
    const stop = new AbortController();
    followed.set(key, stop);
    void followSecret(client, key, into, AbortSignal.any([signal, stop.signal]));
  };
  const end = (key: string): void => {
    followed.get(key)?.abort();
    followed.delete(key);
    into.set(key, undefined);
  };
  for (const key of wanted.keys()) start(key);
  const stopListening = wanted.onChange((changes) => {
    for (const { key, before, after } of changes) {
      if (after === undefined) end(key);
      else if (before === undefined) start(key);
    }
  });
  signal.addEventListener("abort", stopListening);
}

async function followSecret(
  client: KubernetesClient,
  key: string,
  into: Source<Secret>,
  signal: AbortSignal,
): Promise<void> {
  const [namespace = "", name = ""] = key.split("/");
  const resource = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true };
  await reflect<Secret>(
    client,
    {
      path: () => Promise.resolve(pathOf(resource, { namespace })),
      query: { fieldSelector: `metadata.name=${name}` },
      keep: (stored) => ({ apiVersion: "v1", kind: "Secret", ...stored }),
      replace: (all) => into.set(key, all.get(key)),
      change: (changed, secret) => {
        if (changed === key) into.set(key, secret);
      },
      onState: () => {},
    },
    signal,
  );
}
