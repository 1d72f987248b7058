// How commands reach the mesh of a cluster: through the API server, as the user of the kubeconfig.
import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { readControlPlanePods } from "#install/rollout.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { systemNamespace } from "#model/installation.ts";
import { isReady } from "#model/kubernetes/pod.ts";
import { apiPort } from "#runtime/ports.ts";
import type { ClusterOptions } from "./target.ts";

const timeoutMs = 20_000;

export function connectCluster(options: ClusterOptions): Promise<KubernetesClient> {
  return connectKubernetes(options);
}

/** Asks the API of a replica of the control plane, which speaks for all of them. Throws with what to do if none answers. */
export async function askReplica<Answer>(client: KubernetesClient, path: string): Promise<Answer> {
  const pods = (await readControlPlanePods(client)).filter(isReady);
  if (pods.length === 0) {
    throw new Error(
      "no replica of the control plane is ready in this cluster; heddle check says why, heddle install installs it",
    );
  }
  let failure: unknown;
  for (const { metadata } of pods) {
    try {
      const answer = await getThroughPod(
        client,
        { namespace: systemNamespace, name: metadata.name, port: apiPort },
        path,
      );
      return JSON.parse(answer) as Answer;
    } catch (error) {
      failure = error; // It may just be ending: the next one knows as much.
    }
  }
  throw failure;
}

/** A GET to a port on a pod's loopback, through `port-forward`. Throws for any status but 200. */
export async function getThroughPod(
  client: KubernetesClient,
  pod: { readonly namespace: string; readonly name: string; readonly port: number },
  path: string,
): Promise<string> {
  const connection = await client.portForward(pod.namespace, pod.name, pod.port);
  try {
    return await getOver(connection, path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`pod ${pod.namespace}/${pod.name} does not answer on port ${pod.port}: ${reason}`, {
      cause: error,
    });
  } finally {
    connection.destroy();
  }
}

function getOver(connection: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    agent.createConnection = () => connection;
    const asked = request({ agent, host: "localhost", path, signal: AbortSignal.timeout(timeoutMs) });
    asked.on("error", reject);
    asked.on("response", (response) => {
      text(response).then((body) => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(errorOf(body) ?? `status ${response.statusCode}`));
      }, reject);
    });
    asked.end();
  });
}

function errorOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { readonly error?: string }).error;
  } catch {
    return undefined;
  }
}
