import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";
import { before, test } from "node:test";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { startCluster } from "#test/helpers/cluster.ts";

const namespace = "kube-system";
const healthPort = 8080;
const metricsPort = 9153;
let client: KubernetesClient;
/** One of the cluster's DNS servers: a pod that is there before any test, and speaks HTTP. */
let pod: string;

before(async () => {
  client = await connectKubernetes(await startCluster());
  const { items } = await client.request<{ readonly items: readonly Pod[] }>(
    "GET",
    `/api/v1/namespaces/${namespace}/pods`,
    { query: { labelSelector: "k8s-app=kube-dns" } },
  );
  pod = items[0]?.metadata.name ?? "";
});

/** A GET over a connection that is there already. */
function get(connection: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent();
    Object.assign(agent, { createConnection: () => connection });
    const sent = request({ agent, path, headers: { connection: "close" } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    sent.on("error", reject);
    connection.on("error", reject);
    sent.end();
  });
}

test("a connection to a port of a pod carries requests, several at a time", async () => {
  const answers = await Promise.all(
    Array.from({ length: 5 }, async () =>
      get(await client.portForward(namespace, pod, healthPort), "/health"),
    ),
  );
  assert.deepEqual(answers, ["OK", "OK", "OK", "OK", "OK"]);
  const metrics = await get(await client.portForward(namespace, pod, metricsPort), "/metrics");
  assert.match(metrics, /coredns_build_info/);
  assert.ok(metrics.length > 10_000, `${metrics.length} bytes`);
});

test("a port on which nobody listens, and a pod that is not there, are told", async () => {
  const connection = await client.portForward(namespace, pod, 9);
  await assert.rejects(
    get(connection, "/"),
    new RegExp(`^KubernetesError: port 9 of pod ${namespace}/${pod}: .*refused`),
  );
  await assert.rejects(client.portForward(namespace, "nobody", 80), /nobody/);
});
