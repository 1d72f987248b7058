// A cluster that was there before the mesh, and is there after it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Finding } from "#install/check/finding.ts";
import type { MeshedPod } from "#install/meshed-pods.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import { echo, idle, pod, service } from "#test/helpers/cluster-workloads.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { loadGenerator, loadRuns, losesNothing } from "#test/helpers/load.ts";
import { until } from "#test/helpers/wait.ts";

let heddle: Installation;
let cluster: Cluster;
let namespace: string;

const workloads = ["web", "load"];

before(async () => {
  heddle = await startInstallation();
  cluster = heddle.cluster;
  namespace = await cluster.createNamespace("existing");
  await cluster.apply([
    echo(namespace, "web", ["--http", "8080", "--linger", "2000"], 8080, {
      replicas: 2,
      spec: { terminationGracePeriodSeconds: 60 },
    }),
    service(namespace, "web", [{ name: "http", port: 80, targetPort: 8080 }]),
    loadGenerator(namespace, "load", { rate: 20, urls: ["http://web/"] }),
  ]);
  await cluster.rolledOut(namespace, "deployment/web");
  await loadRuns(cluster, namespace, "load");
});
after(async () => {
  await cluster.deleteNamespace(namespace);
  await heddle.heddle("uninstall", "--yes");
});

const podsOf = () => heddle.json<readonly MeshedPod[]>("ps", "-n", namespace);
const findings = async () =>
  JSON.parse((await heddle.heddle("check", "-o", "json")).stdout) as readonly Finding[];
const uids = async () => {
  const list = await cluster.kubectl(["get", "pods", "-n", namespace, "-o", "json"]);
  const { items } = JSON.parse(list) as { readonly items: readonly Pod[] };
  return new Set(items.map(({ metadata }) => metadata.uid));
};
const restart = async () => {
  await cluster.kubectl(["rollout", "restart", "deployment", "-n", namespace]);
  for (const name of workloads) await cluster.rolledOut(namespace, `deployment/${name}`);
};

test("nothing of a cluster is in the mesh before it is asked for", async () => {
  assert.deepEqual(await podsOf(), []);
});

test("pods made before their namespace was labelled are listed, go on, and are not restarted", async () => {
  const existing = await uids();
  await losesNothing(cluster, [namespace, "load"], async () => {
    await cluster.kubectl(["label", "namespace", namespace, "heddle.dev/inject=enabled"]);
    await until(async () => (await podsOf()).length === 3, "the pods without sidecar");
  });
  assert.deepEqual([...new Set((await podsOf()).map(({ proxy }) => proxy))], ["none"]);
  const { code, stdout } = await heddle.heddle("check");
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`3 pods of ${namespace} should have a sidecar, and have none`));
  assert.match(stdout, new RegExp(`kubectl rollout restart .* -n ${namespace}`));
  assert.deepEqual(await uids(), existing);
});

test("after a restart all are in the mesh, and it is all right", async () => {
  await restart();
  await loadRuns(cluster, namespace, "load");
  await until(async () => (await podsOf()).every(({ proxy }) => proxy === "sidecar"), "the sidecars");
  const errors = (await findings()).filter(
    ({ severity, message }) => severity === "error" && message.includes(namespace),
  );
  assert.deepEqual(errors, []);
});

/** Makes a pod whose proxy has another image than the installation says. */
async function makeWithProxy(name: string, image: string): Promise<void> {
  await cluster.apply([pod(namespace, name, idle)]);
  const made = await cluster.get<Pod>("pod", name, namespace);
  const initContainers = made.spec.initContainers?.map((each) =>
    each.name === "heddle-proxy" ? { ...each, image } : each,
  );
  await cluster.kubectl(["delete", "pod", "-n", namespace, name]);
  const { annotations, labels } = made.metadata;
  await cluster.apply([
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, ...(annotations && { annotations }), ...(labels && { labels }) },
      spec: { ...made.spec, initContainers },
    } as Pod,
  ]);
}

test("a proxy of another version is listed, and not restarted", async () => {
  // As an earlier version would have made it: the same image under another name.
  const image = "mesh.local/heddle-proxy:0.1.0";
  await makeWithProxy("old", image);
  assert.equal((await podsOf()).find(({ name }) => name === "old")?.proxyImage, image);
  const found = (await findings()).find(({ message }) => message.includes("a proxy of another version: old"));
  assert.equal(found?.severity, "warning", JSON.stringify(await findings()));
  await cluster.kubectl(["delete", "pod", "-n", namespace, "old", "--wait=false"]);
});

test("the stock Envoy is found not to start, and starts where the installation says that it has no balancer", async () => {
  const image = "docker.io/envoyproxy/envoy:distroless-v1.40.0";
  await makeWithProxy("stock", image);
  await until(
    async () => (await findings()).some(({ message }) => message.includes("does not start: stock")),
    "the proxy to be found, which the node starts anew a few times first",
    180_000,
  );
  await cluster.kubectl(["delete", "pod", "-n", namespace, "stock"]);
  await heddle.install("--proxy-image", image, "--no-latency-aware");
  await cluster.apply([pod(namespace, "stock", idle)]);
  await cluster.kubectl(["wait", "pod/stock", "-n", namespace, "--for=condition=Ready", "--timeout=180s"]);
  const found = await findings();
  assert.match(
    found.find(({ subject }) => subject === "balancing")?.message ?? "",
    /by outstanding requests: .*--no-latency-aware/,
  );
  assert.ok(
    found.every(({ severity }) => severity !== "error"),
    JSON.stringify(found),
  );
  await cluster.kubectl(["delete", "pod", "-n", namespace, "stock", "--wait=false"]);
});

test("uninstalling loses no request, and applications run on without the mesh after their restart", async () => {
  await losesNothing(cluster, [namespace, "load"], async () => {
    const said = await heddle.succeeds("uninstall", "--yes");
    assert.match(said, new RegExp(`${namespace}: .*web-`));
    assert.equal((await cluster.tryKubectl(["get", "namespace", "heddle-system"])).code, 1);
  });
  await restart();
  await loadRuns(cluster, namespace, "load");
  const sidecars = ["get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].spec.initContainers}"];
  await until(async () => (await cluster.kubectl(sidecars)) === "", "the end of the sidecars");
  await losesNothing(cluster, [namespace, "load"], () => Promise.resolve());
});
