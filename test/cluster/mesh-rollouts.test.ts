// Applications that are restarted under load: no request is lost, and each is executed once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Cluster } from "#test/helpers/cluster.ts";
import { deployment, echo, patient, service } from "#test/helpers/cluster-workloads.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { type Counts, loadGenerator, loadRuns, takeCounts, takeEnded } from "#test/helpers/load.ts";
import { until } from "#test/helpers/wait.ts";

let heddle: Installation;
let cluster: Cluster;
let namespace: string;
/** On the node, where the application's pods write down what they execute. */
let ledger: string;

before(async () => {
  heddle = await startInstallation();
  cluster = heddle.cluster;
  namespace = await cluster.createNamespace("rollouts", { "heddle.dev/inject": "enabled" });
  ledger = `/tmp/heddle-${namespace}`;
  await cluster.apply([
    // It exits at once on SIGTERM: that comes later in the mesh, when the news has got around.
    deployment(namespace, "hasty", ["node", "/apps/ledger.js", "/ledger"], {
      replicas: 3,
      container: {
        readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1, ...patient },
        volumeMounts: [{ name: "ledger", mountPath: "/ledger" }],
      },
      spec: {
        terminationGracePeriodSeconds: 60,
        volumes: [{ name: "ledger", hostPath: { path: ledger, type: "DirectoryOrCreate" } }],
      },
    }),
    service(namespace, "hasty", [{ name: "http", port: 80, targetPort: 8080 }]),
    loadGenerator(namespace, "hasty-load", {
      rate: 200,
      post: true,
      urls: ["http://hasty/", "h2://hasty/", "grpc://hasty/heddle.test.Ledger/Note"],
    }),
    // It goes on for two seconds, as a server that drains does.
    echo(namespace, "patient", ["--http", "8080", "--linger", "2000"], 8080, {
      replicas: 2,
      spec: { terminationGracePeriodSeconds: 60 },
    }),
    service(namespace, "patient", [{ name: "http", port: 80, targetPort: 8080 }]),
    loadGenerator(namespace, "patient-load", {
      rate: 50,
      post: true,
      urls: ["http://patient/", "h2://patient/"],
    }),
  ]);
  for (const name of ["hasty", "patient"]) await cluster.rolledOut(namespace, `deployment/${name}`);
  for (const name of ["hasty-load", "patient-load"]) await loadRuns(cluster, namespace, name);
});
after(async () => {
  // Waits for its pods: they write to the ledger until they end.
  await cluster.kubectl(["delete", "deployment", "hasty", "-n", namespace, "--cascade=foreground"]);
  await cluster.inNode(["rm", "-rf", ledger]);
  await cluster.deleteNamespace(namespace);
  await heddle.leave();
});

async function restart(workload: string): Promise<void> {
  await cluster.kubectl(["rollout", "restart", "-n", namespace, `deployment/${workload}`]);
  await cluster.rolledOut(namespace, `deployment/${workload}`);
  await until(async () => {
    const pods = await cluster.kubectl([
      "get",
      "pods",
      "-n",
      namespace,
      "-l",
      `app=${workload}`,
      "-o",
      "json",
    ]);
    return !pods.includes("deletionTimestamp");
  }, `the end of the old pods of ${workload}`);
}

test("applications that drain are restarted, and no request fails", async () => {
  await takeCounts(cluster, namespace, "patient-load");
  await restart("patient");
  const { failures, succeeded } = await takeEnded(cluster, namespace, "patient-load");
  assert.deepEqual(failures, []);
  assert.ok(succeeded > 100, `${succeeded} requests`);
});

test("applications that exit at once are restarted three times, no request fails, and each is executed once", async (t) => {
  const counts: Counts[] = [];
  await takeCounts(cluster, namespace, "hasty-load");
  for (let round = 0; round < 3; round++) {
    await restart("hasty");
    counts.push(await takeEnded(cluster, namespace, "hasty-load"));
  }
  assert.deepEqual(counts.flatMap(({ failures }) => failures).slice(0, 10), []);
  const succeeded = counts.flatMap(({ calls }) => calls);
  const lines = (await cluster.inNode(["sh", "-c", `cat ${ledger}/*`])).trim().split("\n");
  const executions = new Map<string, number>();
  for (const line of lines) executions.set(line, (executions.get(line) ?? 0) + 1);
  const wrong = succeeded.filter((call) => executions.get(call) !== 1);
  assert.deepEqual(wrong, [], "executed more or less than once");
  t.diagnostic(
    `${succeeded.length} requests, each executed once; the slowest took ${Math.round(Math.max(...counts.map(({ slowest }) => slowest)))} ms`,
  );
});
