// What the mesh does while parts of its control plane, all of it, or the API server are not there. Under load.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import { call, deployment, echo, idle, pod, service } from "#test/helpers/cluster-workloads.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { loadGenerator, loadRuns, losesNothing } from "#test/helpers/load.ts";
import { until } from "#test/helpers/wait.ts";

let heddle: Installation;
let cluster: Cluster;
let namespace: string;

before(async () => {
  heddle = await startInstallation("--injection=policy");
  cluster = heddle.cluster;
  namespace = await cluster.createNamespace("faults", { "heddle.dev/inject": "enabled" });
  await cluster.apply([
    echo(namespace, "server", ["--http", "8080", "--grpc", "7070"], 8080, { replicas: 2 }),
    service(namespace, "server", [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "grpc", port: 7070 },
    ]),
    deployment(namespace, "client", idle),
    loadGenerator(namespace, "load", { rate: 50, post: true, urls: ["http://server/", "h2://server/"] }),
  ]);
  for (const name of ["server", "client"]) await cluster.rolledOut(namespace, `deployment/${name}`);
  await loadRuns(cluster, namespace, "load");
});
after(async () => {
  await heddle.uninstall();
  await cluster.deleteNamespace(namespace);
});

const load = (action: () => Promise<void>) => losesNothing(cluster, [namespace, "load"], action);

interface Proxy {
  readonly id: string;
  readonly connectedSince: string | null;
}

/** Of the pods of this test, when each of their proxies has connected. */
async function connections(): Promise<ReadonlyMap<string, string>> {
  const pods = await heddle.json<readonly (Proxy & { readonly name: string })[]>("ps", "-n", namespace);
  return new Map(
    pods.flatMap(({ name, connectedSince }) => (connectedSince === null ? [] : [[name, connectedSince]])),
  );
}

/** What Envoy has taken over from the control plane since it started, by kind: each is an update that it was sent. */
async function updatesOf(podName: string): Promise<Readonly<Record<string, number>>> {
  const stats = await cluster.execInPod(
    namespace,
    podName,
    ["curl", "-sS", "http://127.0.0.1:15000/stats?filter=update_(success|rejected)$"],
    { container: "app" },
  );
  return Object.fromEntries(
    stats
      .trim()
      .split("\n")
      .map((line) => line.split(": "))
      .map(([name = "", value]) => [name, Number(value)]),
  );
}

/** Every pod of this test that has a proxy, with the updates it has had. */
async function updates(): Promise<Readonly<Record<string, unknown>>> {
  const names = [...(await connections()).keys()].sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await updatesOf(name)])));
}

async function allConnectedAnew(earlier: ReadonlyMap<string, string>, atLeast: number): Promise<void> {
  await until(async () => {
    const now = await connections();
    const anew = [...now].filter(([name, since]) => earlier.get(name) !== since);
    return now.size === earlier.size && anew.length >= atLeast;
  }, "the proxies to connect again");
}

/** When the sidecar of a pod had its configuration, by the clock of the kubelet, which counts whole seconds. */
function configuredSince({ status }: Pod): number {
  const waited = status?.initContainerStatuses?.find(({ name }) => name === "heddle-init");
  const { finishedAt } = (waited?.state?.terminated ?? {}) as { readonly finishedAt?: string };
  return Date.parse(finishedAt ?? "");
}

/** When a pod has become ready, by the same clock. */
function readySince({ status }: Pod): number {
  const condition = status?.conditions?.find(({ type }) => type === "Ready");
  return Date.parse(
    (condition as { readonly lastTransitionTime?: string } | undefined)?.lastTransitionTime ?? "",
  );
}

const restarts = (pods: readonly Pod[]) =>
  pods.map(({ status }) => status?.containerStatuses?.map(({ restartCount }) => restartCount)).flat();

/** Ends the program of a pod as a fault would. */
async function kill(podName: string): Promise<void> {
  const find = `for process in /proc/[0-9]*; do
    tr '\\0' '\\n' <$process/environ 2>/dev/null | grep -qx 'POD_NAME=${podName}' && kill -KILL \${process#/proc/}
  done; true`;
  await cluster.inNode(["sh", "-c", find]);
}

test("killed replicas lose no request, and their proxies are sent nothing that they have", async () => {
  for (const { metadata } of await heddle.replicas()) {
    const [connected, had] = [await connections(), await updates()];
    await load(async () => {
      await kill(metadata.name);
      const restarted = async () => {
        const { status } = await cluster.get<Pod>("pod", metadata.name, "heddle-system");
        return (status?.containerStatuses?.[0]?.restartCount ?? 0) >= 1;
      };
      await until(restarted, `the restart of ${metadata.name}`);
      await cluster.rolledOut("heddle-system", "deployment/heddle");
      await allConnectedAnew(connected, 0);
    });
    assert.deepEqual(await updates(), had);
  }
});

test("a rolling restart of the control plane loses no request, and sends nothing anew", async () => {
  const [connected, had] = [await connections(), await updates()];
  await load(async () => {
    await cluster.kubectl(["rollout", "restart", "deployment/heddle", "-n", "heddle-system"]);
    await cluster.rolledOut("heddle-system", "deployment/heddle");
    await allConnectedAnew(connected, connected.size);
  });
  assert.deepEqual(await updates(), had);
});

test("an API server that is killed, and etcd, stop nothing, and restart nothing", async () => {
  const names = (await heddle.replicas()).map(({ metadata }) => metadata.name).sort();
  await load(async () => {
    for (const daemon of ["kube-apiserver", "etcd"] as const) {
      await cluster.signal(daemon, "KILL");
      await until(
        async () => (await cluster.tryKubectl(["get", "--raw", "/readyz"])).code === 0,
        "the API server",
      );
    }
    // The control plane hears of changes again.
    await cluster.kubectl(["scale", "-n", namespace, "deployment/server", "--replicas=3"]);
    await cluster.rolledOut(namespace, "deployment/server");
  });
  const replicas = await heddle.replicas();
  assert.deepEqual(replicas.map(({ metadata }) => metadata.name).sort(), names);
  assert.deepEqual(restarts(replicas), [0, 0]);
  await until(async () => (await heddle.heddle("check")).code === 0, "a good check");
});

test("without any control plane pods serve what they know; new ones wait for it, and are ready soon after", async (t) => {
  await cluster.kubectl(["scale", "deployment/heddle", "-n", "heddle-system", "--replicas=0"]);
  await until(async () => (await heddle.replicas()).length === 0, "the end of the control plane");
  await cluster.kubectl([
    "wait",
    "pod",
    "-n",
    "heddle-system",
    "-l",
    "app=heddle",
    "--for=delete",
    "--timeout=180s",
  ]);
  await load(async () => {
    await cluster.apply([pod(namespace, "newcomer", idle)]);
    const running = "jsonpath={.status.initContainerStatuses[?(@.name=='heddle-proxy')].state.running}";
    await cluster.kubectl(["wait", "-n", namespace, "pod/newcomer", `--for=${running}`, "--timeout=180s"]);
    const { status } = await cluster.get<Pod>("pod", "newcomer", namespace);
    assert.equal(status?.conditions?.find(({ type }) => type === "Ready")?.status, "False");
  });
  await cluster.kubectl(["scale", "deployment/heddle", "-n", "heddle-system", "--replicas=2"]);
  await cluster.kubectl(["wait", "-n", namespace, "pod/newcomer", "--for=condition=Ready", "--timeout=180s"]);
  const newcomer = configuredSince(await cluster.get<Pod>("pod", "newcomer", namespace));
  const first = Math.min(...(await heddle.replicas()).map(readySince).filter((time) => time > 0));
  const seconds = (newcomer - first) / 1000;
  t.diagnostic(`configured ${seconds} s after the first replica (the API server counts whole seconds)`);
  assert.ok(seconds <= 30, `${seconds} s`);
  const [answer] = await call(cluster, namespace, "newcomer", "http://server/");
  assert.ok(answer?.ok, JSON.stringify(answer));
});
