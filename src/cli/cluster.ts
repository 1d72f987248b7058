// How commands reach the mesh of a cluster: through the API server, as the user of the kubeconfig.
import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { readControlPlanePods } from "#install/rollout.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { listAll } from "#kubernetes/list.ts";
import { systemNamespace } from "#model/installation.ts";
import { isReady, type Pod } from "#model/kubernetes/pod.ts";
import { workloadName } from "#model/kubernetes/workload.ts";
import { unansweredHeader } from "#replicas/gathered.ts";
import { apiPort } from "#runtime/ports.ts";
import type { ClusterOptions } from "./target.ts";

const timeoutMs = 10_000;

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

/** The pod that a user names: `POD`, or `deploy/NAME` for one of its pods that is ready. Throws if there is none. */
export async function findClusterPod(
  client: KubernetesClient,
  target: string,
  namespace: string,
): Promise<{ readonly namespace: string; readonly name: string }> {
  const [kind, name] = target.includes("/") ? (target.split("/", 2) as [string, string]) : ["pod", target];
  const pods = await listAll<Pod>(client, `/api/v1/namespaces/${namespace}/pods`);
  const byName = ["pod", "pods", "po"].includes(kind.toLowerCase());
  const found = pods.filter((pod) => (byName ? pod.metadata.name : workloadName(pod)) === name);
  const chosen = found.find(isReady) ?? found[0];
  if (chosen === undefined) {
    throw new Error(
      `there is no ${target} in the namespace ${namespace}; heddle ps lists the pods of the mesh`,
    );
  }
  return { namespace, name: chosen.metadata.name };
}

/** A GET to a port on a pod's loopback, through `port-forward`. Throws for any status but 200, and after 10 s. */
export async function getThroughPod(
  client: KubernetesClient,
  pod: { readonly namespace: string; readonly name: string; readonly port: number },
  path: string,
): Promise<string> {
  const late = sleep(timeoutMs, undefined, { ref: false }).then(() => {
    throw new Error(`no answer within ${timeoutMs / 1000} s`);
  });
  const connecting = client.portForward(pod.namespace, pod.name, pod.port);
  try {
    return await Promise.race([connecting.then((connection) => getOver(connection, path)), late]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`pod ${pod.namespace}/${pod.name} does not answer on port ${pod.port}: ${reason}`, {
      cause: error,
    });
  } finally {
    connecting.then(
      (connection) => connection.destroy(),
      () => {},
    );
  }
}

function getOver(connection: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    agent.createConnection = () => connection;
    const asked = request({ agent, host: "localhost", path });
    asked.on("error", reject);
    asked.on("response", (response) => {
      tellUnanswered(response.headers[unansweredHeader]);
      text(response).then((body) => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(errorOf(body) ?? `status ${response.statusCode}`));
      }, reject);
    });
    asked.end();
  });
}

/** What is printed is then not all that there is: that must be seen, also where the output goes to a program. */
function tellUnanswered(replicas: string | readonly string[] | undefined): void {
  if (replicas === undefined) return;
  const names = String(replicas).replaceAll(",", ", ");
  process.stderr.write(`warning: replicas of the control plane did not answer, and are left out: ${names}\n`);
}

function errorOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { readonly error?: string }).error;
  } catch {
    return undefined;
  }
}
