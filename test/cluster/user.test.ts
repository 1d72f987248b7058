// What a user does, on a real node: installs, labels, restarts, looks, switches, and takes it all out again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Finding } from "#install/check/finding.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { EdgeStat } from "#telemetry/stat.ts";
import { type Cluster, startCluster } from "#test/helpers/cluster.ts";
import { type Outcome, runHeddle } from "#test/helpers/run-heddle.ts";
import { until } from "#test/helpers/wait.ts";

let cluster: Cluster;
let namespace: string;

function heddle(...args: readonly string[]): Promise<Outcome> {
  const { kubeconfig, context } = cluster;
  const where = ["--kubeconfig", kubeconfig, ...(context === undefined ? [] : ["--context", context])];
  return runHeddle([...args, ...where]);
}

async function succeeds(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await heddle(...args);
  assert.equal(code, 0, `heddle ${args.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}

const json = async <T>(...args: readonly string[]) => JSON.parse(await succeeds(...args, "-o", "json")) as T;

function workload(name: string, command: readonly string[]): KubernetesObject {
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "app", image: "mesh.local/test:1", imagePullPolicy: "IfNotPresent", command }],
        },
      },
    },
  };
  return object;
}

const service = (): KubernetesObject => {
  const object = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
  return object;
};

async function restart(): Promise<void> {
  await cluster.kubectl(["rollout", "restart", "deployment", "-n", namespace]);
  for (const name of ["web", "client"]) await cluster.rolledOut(namespace, `deployment/${name}`);
}

const call = () =>
  cluster.execInPod(namespace, "deployment/client", ["curl", "-sS", "-m", "30", "http://web/"], {
    container: "app",
  });

/** The init containers of the pods of an application that are not about to end. */
async function containersOf(app: string): Promise<readonly string[]> {
  const { items } = JSON.parse(
    await cluster.kubectl(["get", "pods", "-n", namespace, "-l", `app=${app}`, "-o", "json"]),
  ) as { readonly items: readonly Pod[] };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap(({ spec }) => (spec.initContainers ?? []).map(({ name }) => name));
}

before(async () => {
  cluster = await startCluster();
  // An earlier file may have left it.
  await heddle("uninstall", "--yes");
  await cluster.define("gateway-api-standard");
  namespace = await cluster.createNamespace("user");
  await cluster.apply([
    workload("web", ["node", "/apps/echo.js", "--http", "8080"]),
    workload("client", ["sleep", "1000000"]),
    service(),
  ]);
  for (const name of ["web", "client"]) await cluster.rolledOut(namespace, `deployment/${name}`);
});
after(async () => {
  await heddle("uninstall", "--yes");
  await cluster.deleteNamespace(namespace);
});

for (const injection of ["webhook", "policy"]) {
  describe(`what a user does, with injection by ${injection}`, { concurrency: 1 }, () => {
    test("heddle install installs, waits, and ends with a good check", async () => {
      const { code, stdout, stderr } = await heddle("install", `--injection=${injection}`);
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.match(stdout, /✓ control plane: 2 of 2 replicas ready/);
      assert.match(stdout, new RegExp(`✓ injection: by ${injection}`));
    });

    test("a namespace that is labelled has pods that are told to be outside, until they are restarted", async () => {
      await cluster.kubectl(["label", "namespace", namespace, "heddle.dev/inject=enabled", "--overwrite"]);
      if (injection === "webhook") {
        const { code, stdout } = await heddle("check", "-o", "json");
        assert.equal(code, 1);
        const findings = JSON.parse(stdout) as readonly Finding[];
        const outside = findings.find(({ subject, severity }) => subject === "pods" && severity === "error");
        assert.match(outside?.message ?? "", new RegExp(`2 pods of ${namespace} should have a sidecar`));
      }
      await restart();
      assert.deepEqual(await containersOf("web"), ["heddle-proxy", "heddle-init"]);
    });

    test("heddle check finds nothing broken, and heddle ps has every pod connected", async () => {
      await succeeds("check");
      interface Listed {
        readonly proxy: string;
        readonly connectedSince: string | null;
        readonly replica: string | null;
      }
      let running: readonly Listed[] = [];
      await until(async () => {
        const pods = await json<readonly Listed[]>("ps", "-n", namespace);
        running = pods.filter(({ connectedSince }) => connectedSince !== null);
        return running.length === 2;
      }, "two proxies that are connected");
      assert.ok(running.every(({ proxy }) => proxy === "sidecar"));
      assert.ok(running.every(({ replica }) => replica?.startsWith("heddle-")));
    });

    test("heddle stat shows the calls, all of them encrypted", async () => {
      let edges: readonly EdgeStat[] = [];
      await until(async () => {
        await call();
        edges = (await json<readonly EdgeStat[]>("stat", "-n", namespace)).filter(
          ({ destination }) => destination.service === "web",
        );
        return edges.length > 0;
      }, "an edge");
      assert.deepEqual(
        edges.map(({ source, success, mtls }) => ({ source: source.workload, success, mtls })),
        [{ source: "client", success: 1, mtls: true }],
      );
    });

    test("heddle proxy-config shows what the proxy of a pod holds", async () => {
      const text = await succeeds("proxy-config", "-n", namespace, "deploy/client", "clusters");
      assert.match(text, new RegExp(`outbound\\|80\\|\\|web\\.${namespace}\\.svc\\.cluster\\.local`));
    });
  });
}

test("heddle uninstall names the pods that have a sidecar, and applications run after their restart", async () => {
  const text = await succeeds("uninstall", "--yes");
  assert.match(text, /Heddle is gone: \d+ objects removed/);
  assert.match(text, new RegExp(`${namespace}: client-.*, web-`));
  await restart();
  assert.deepEqual(await containersOf("web"), []);
  // The node's rules follow the Service's endpoints a moment later.
  await until(() => call().then(Boolean, () => false), "an answer without sidecars");
});
