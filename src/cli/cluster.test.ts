import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { askReplica, findClusterPod } from "./cluster.ts";

let server: Server;
let port = 0;

before(async () => {
  server = createServer((request, response) => {
    response.statusCode = request.url === "/stat" ? 200 : 404;
    response.end(JSON.stringify(request.url === "/stat" ? [1] : { error: "there is nothing there" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as { readonly port: number }).port;
});
after(() => server.close());

const pod = (name: string, ready: boolean, owner?: string) => ({
  metadata: {
    name,
    namespace: "shop",
    labels: { "pod-template-hash": "5d8" },
    ...(owner !== undefined && { ownerReferences: [{ kind: "ReplicaSet", name: `${owner}-5d8`, uid: "1" }] }),
  },
  spec: { containers: [] },
  status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
});

/** A cluster with these pods everywhere; the ports of those that are `away` cannot be reached. */
function clientOf(pods: readonly object[], away: readonly string[] = []): KubernetesClient {
  return {
    namespace: "shop",
    request: async <T>() => ({ items: pods }) as T,
    portForward: async (_namespace, name) => {
      if (away.includes(name)) throw new Error("the kubelet is away");
      return connect(port, "127.0.0.1");
    },
    resourceOf: () => assert.fail("no kind is looked up"),
    apply: () => assert.fail("nothing is applied"),
    watch: () => assert.fail("nothing is watched"),
  };
}

test("a replica that is ready is asked, and another one if it does not answer", async () => {
  const pods = [pod("a", false), pod("b", true), pod("c", true)];
  assert.deepEqual(await askReplica(clientOf(pods), "/stat"), [1]);
  assert.deepEqual(await askReplica(clientOf(pods, ["b"]), "/stat"), [1]);
});

test("without a replica that answers it is said what to do, or what the last one said", async () => {
  await assert.rejects(
    askReplica(clientOf([pod("a", false)]), "/stat"),
    /no replica .* is ready.*heddle check/,
  );
  await assert.rejects(askReplica(clientOf([pod("a", true)], ["a"]), "/stat"), /15019: the kubelet is away/);
  await assert.rejects(askReplica(clientOf([pod("a", true)]), "/other"), /there is nothing there/);
});

test("a pod is found by its name, and one that is ready by its Deployment", async () => {
  const client = clientOf([pod("web-5d8-a", false, "web"), pod("web-5d8-b", true, "web")]);
  assert.deepEqual(await findClusterPod(client, "web-5d8-a", "shop"), {
    namespace: "shop",
    name: "web-5d8-a",
  });
  assert.deepEqual(await findClusterPod(client, "deploy/web", "shop"), {
    namespace: "shop",
    name: "web-5d8-b",
  });
  await assert.rejects(
    findClusterPod(client, "deploy/api", "shop"),
    /there is no deploy\/api in the namespace shop/,
  );
});
