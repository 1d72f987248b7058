// Pods at a real API server: created without being kept, and compared after what the server fills in.
import { isInjected } from "#injector/inject.ts";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import type { Pod } from "#model/kubernetes/pod.ts";

/** The pod as the server would keep it, or the words with which it refuses it. */
export type Outcome = { readonly pod: Pod } | { readonly refusal: string };

/** Creates a pod for the sake of the answer. */
export async function outcomeOf(client: KubernetesClient, pod: Pod): Promise<Outcome> {
  try {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods`;
    const query = { dryRun: "All" };
    return { pod: normal(await client.request<Pod>("POST", path, { body: pod, query })) };
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    return { refusal: refusalOf(error) };
  }
}

/** An outcome in a few words. */
export function wordsOf(outcome: Outcome): string {
  if ("refusal" in outcome) return `refused: ${outcome.refusal}`;
  return isInjected(outcome.pod) ? "injected" : "left alone";
}

/** What an admission plugin said, without who said it. */
export function refusalOf(error: KubernetesError): string {
  return /denied (?:the )?request: (.*)$/s.exec(error.message)?.[1] ?? error.message;
}

/**
 * Without what differs each time that the same pod is created. Volumes in order of name: the server adds one of its own,
 * before or after the sidecar's.
 */
export function normal(pod: Pod): Pod {
  const token = /kube-api-access-[a-z0-9]{5}/g;
  const kept = JSON.parse(JSON.stringify(pod).replaceAll(token, "kube-api-access")) as {
    readonly metadata: Record<string, unknown>;
    readonly spec: Pod["spec"];
    readonly status?: unknown;
  };
  const { metadata, spec, status: _status, ...rest } = kept;
  const volumes = [...(spec.volumes ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  const fleeting = [
    "uid",
    "creationTimestamp",
    "managedFields",
    "resourceVersion",
    "generation",
    ...(metadata["generateName"] === undefined ? [] : ["name"]),
  ];
  return {
    ...rest,
    spec: { ...spec, volumes },
    metadata: Object.fromEntries(Object.entries(metadata).filter(([field]) => !fleeting.includes(field))),
  } as unknown as Pod;
}
