// What is not there where only an API server runs: a kubelet that makes pods ready, and a pod's credentials.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import type { TestApiServer } from "#test/helpers/api-server.ts";

/** Says of the pods of the control plane that they are ready, until it is called off. */
export function sayReady(client: KubernetesClient): () => void {
  const ends = new AbortController();
  const path = "/api/v1/namespaces/heddle-system/pods";
  const once = async (): Promise<void> => {
    const { items } = await client.request<{ readonly items: readonly Pod[] }>("GET", path);
    for (const pod of items.filter((each) => !isReady(each))) {
      const condition = { type: "Ready", status: "True", lastTransitionTime: new Date().toISOString() };
      await client.request("PATCH", `${path}/${pod.metadata.name}/status`, {
        contentType: "application/merge-patch+json",
        body: { status: { phase: "Running", conditions: [condition] } },
      });
    }
  };
  void (async () => {
    while (!ends.signal.aborted) {
      // The server may be away, and pods may go in between.
      await once().catch(() => {});
      await sleep(200, undefined, { signal: ends.signal }).catch(() => {});
    }
  })();
  return () => ends.abort();
}

/** A kubeconfig for the ServiceAccount of the control plane; waits until the account is there. */
export async function kubeconfigOfAccount(client: KubernetesClient, server: TestApiServer): Promise<string> {
  const token = await tokenOfAccount(client);
  const admin = server.kubeconfig("admin");
  const config = JSON.parse(readFileSync(admin, "utf8")) as object;
  const file = admin.replace("admin", "account");
  writeFileSync(file, JSON.stringify({ ...config, users: [{ name: "admin", user: { token } }] }));
  return file;
}

async function tokenOfAccount(client: KubernetesClient): Promise<string> {
  for (;;) {
    try {
      const answer = await client.request<{ readonly status: { readonly token: string } }>(
        "POST",
        "/api/v1/namespaces/heddle-system/serviceaccounts/heddle/token",
        { body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} } },
      );
      return answer.status.token;
    } catch {
      await sleep(100);
    }
  }
}
