// One pod from its creation until it is ready.
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import { monotonicMs } from "../processes.ts";
import { applicationImage } from "./cluster.ts";

const patienceMs = 60_000;

/** The same pod in any namespace: it does nothing, and is ready when it runs. */
export function idlePod(name: string): Pod {
  const container = {
    name: "application",
    image: applicationImage,
    imagePullPolicy: "IfNotPresent",
    command: ["sleep", "infinity"],
  } as const;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  };
}

/** Milliseconds until the API server says that the pod is ready. The pod is gone afterwards. */
export async function startOf(client: KubernetesClient, namespace: string, name: string): Promise<number> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const ends = new AbortController();
  const tooLate = setTimeout(() => ends.abort(), patienceMs);
  const { metadata } = await client.request<{ readonly metadata: { readonly resourceVersion: string } }>(
    "GET",
    pods,
  );
  const events = await client.watch<Pod>(pods, {
    query: { fieldSelector: `metadata.name=${name}`, resourceVersion: metadata.resourceVersion },
    signal: ends.signal,
  });
  const start = monotonicMs();
  try {
    await client.request("POST", pods, { body: idlePod(name) });
    for await (const event of events) {
      if (event.type !== "BOOKMARK" && isReady(event.object)) return monotonicMs() - start;
    }
    throw new Error("the watch ended");
  } catch (error) {
    throw new Error(`the pod ${namespace}/${name} did not become ready within ${patienceMs} ms`, {
      cause: error,
    });
  } finally {
    clearTimeout(tooLate);
    ends.abort();
    await client.request("DELETE", `${pods}/${name}`, { body: { gracePeriodSeconds: 0 } });
    // The kubelet looks at its containers once a second; a start must not follow that beat.
    await sleep(500 + Math.random() * 1_000);
  }
}
