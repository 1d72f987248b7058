/** Pods without sidecars, as plain Kubernetes runs them: names, addresses, volumes, users, order, ends. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, podTemplate, service } from "#test/helpers/workloads.ts";

/** Answers every request with its own name. */
const answer = `require("http").createServer((_, response) => response.end(require("os").hostname())).listen(8080)`;
const web = ["node", "-e", answer];
/** The first process of a container gets SIGTERM only if it asks for it. */
const IDLE = "trap exit TERM; while :; do sleep 1 & wait; done";
const ready = {
  readinessProbe: { httpGet: { path: "/", port: "http" } },
  ports: [{ name: "http", containerPort: 8080 }],
};

/** No other test has it. */
const secret = `s3cret-${process.pid}`;

const objects = [
  client("client"),
  deployment("web", web, { replicas: 2, container: ready }),
  service("web", [{ name: "http", port: 80, targetPort: "http" }]),
  service("empty", [{ port: 80 }]),
  service("db", [{ name: "sql", port: 5432, targetPort: 8080 }], { clusterIP: "None" }),
  {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      serviceName: "db",
      replicas: 2,
      selector: { matchLabels: { app: "db" } },
      template: podTemplate("db", web, { container: ready }),
    },
  },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { colour: "blue", "a.txt": "A" },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, stringData: { key: secret } },
  deployment("tools", ["sh", "-c", 'echo "arguments: $0 $*"; ' + IDLE, "$(POD_IP)", "$$(X)"], {
    annotations: { note: "hello" },
    container: {
      env: [
        { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "key" } } },
        { name: "URL", value: "http://$(POD_IP)/" },
      ],
      envFrom: [{ prefix: "S_", configMapRef: { name: "settings" } }],
      securityContext: { runAsUser: 1234, runAsGroup: 2345, allowPrivilegeEscalation: false },
      volumeMounts: [
        { name: "settings", mountPath: "/settings", readOnly: true },
        { name: "settings", mountPath: "/etc/heddle-test/a.txt", subPath: "a.txt" },
        { name: "shared", mountPath: "/var/lib/heddle-test/shared" },
        { name: "about", mountPath: "/about" },
        // The state directory of a test lies in it, too.
        { name: "shared", mountPath: "/tmp" },
        { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
      ],
    },
    spec: {
      initContainers: [
        {
          name: "first",
          command: ["sh", "-c", "echo first >> /work/order"],
          volumeMounts: [{ name: "shared", mountPath: "/work" }],
        },
        {
          name: "helper",
          restartPolicy: "Always",
          command: ["sh", "-c", "sleep 0.5; echo helper >> /work/order; " + IDLE],
          startupProbe: { exec: { command: ["grep", "-q", "helper", "/work/order"] }, periodSeconds: 1 },
          volumeMounts: [{ name: "shared", mountPath: "/work" }],
        },
        {
          name: "last",
          command: ["sh", "-c", "echo last >> /work/order"],
          volumeMounts: [{ name: "shared", mountPath: "/work" }],
        },
      ],
      volumes: [
        { name: "settings", configMap: { name: "settings" } },
        { name: "shared", emptyDir: {} },
        {
          name: "about",
          downwardAPI: { items: [{ path: "note", fieldRef: { fieldPath: "metadata.annotations['note']" } }] },
        },
        {
          name: "token",
          projected: { sources: [{ serviceAccountToken: { path: "token", audience: "heddle" } }] },
        },
      ],
    },
  }),
  {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "migrate" },
    spec: {
      template: podTemplate("migrate", ["sh", "-c", "echo migrated"], {
        spec: {
          restartPolicy: "Never",
          initContainers: [{ name: "sidecar", restartPolicy: "Always", command: ["sh", "-c", IDLE] }],
        },
      }),
    },
  },
];

describe("pods", () => {
  let mesh: Mesh;
  const inClient = (...command: readonly string[]): Promise<string> => mesh.output("deploy/client", command);
  const inTools = (script: string): Promise<string> => mesh.output("deploy/tools", ["sh", "-c", script]);

  before(async () => {
    mesh = await startMesh({ "objects.yaml": objects });
  });
  after(() => mesh.close());

  test("a service is reached by its names and address, and spreads over its pods", async () => {
    const script = "for i in $(seq 30); do curl -sS -m 30 http://web/; echo; done | sort -u";
    assert.equal((await inClient("sh", "-c", script)).trim().split("\n").length, 2);
    for (const name of ["web.default", "web.default.svc", "web.default.svc.cluster.local"])
      assert.match(await inClient("curl", "-sS", "-m", "30", `http://${name}/`), /^web-/);
  });

  test("a pod that calls its own service may be answered by itself", async () => {
    const script = "for i in $(seq 20); do curl -sS -m 30 http://web/; echo; done | sort -u";
    const found = await mesh.output("deploy/web", ["sh", "-c", script]);
    assert.equal(found.trim().split("\n").length, 2, found);
  });

  test("a service without endpoints, and a port that a service does not have, refuse at once", async () => {
    for (const url of ["http://empty/", "http://web:81/"])
      assert.equal((await mesh.exec("deploy/client", ["curl", "-sS", "-m", "30", url])).code, 7, url);
  });

  test("headless services and the pods of a StatefulSet have names", async () => {
    assert.equal(await inClient("curl", "-sS", "http://db-1.db:8080/"), "db-1");
    const addresses = (await inClient("getent", "ahostsv4", "db"))
      .split("\n")
      .map((line) => line.split(" ")[0]);
    const pods = await mesh.podsOf("db");
    assert.deepEqual(new Set(addresses.filter(Boolean)), new Set(pods.map(({ ip }) => ip)));
    const lookup = `require("dns").resolveSrv("_sql._tcp.db.default.svc.cluster.local", (_, found) => console.log(JSON.stringify(found.map(({ name, port }) => [name, port]).sort())))`;
    assert.deepEqual(JSON.parse(await inClient("node", "-e", lookup)), [
      ["db-0.db.default.svc.cluster.local", 8080],
      ["db-1.db.default.svc.cluster.local", 8080],
    ]);
  });

  test("variables and arguments are expanded, and a container has no others than its own", async () => {
    const variables = Object.fromEntries(
      (await inTools("env"))
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/s)),
    );
    const { ip } = (await mesh.podsOf("tools"))[0] ?? {};
    assert.equal(variables["URL"], `http://${ip}/`);
    assert.equal(variables["KEY"], secret);
    assert.equal(variables["S_colour"], "blue");
    assert.equal(variables["HEDDLE_ENVOY"], undefined);
    assert.match(
      (await mesh.heddle("logs", "deploy/tools")).stdout,
      new RegExp(`^arguments: ${ip} \\$\\(X\\)$`, "m"),
    );
  });

  test("values of Secrets are in no command line, which everybody on the machine could read", () => {
    const commandLines = readdirSync("/proc").map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
    assert.ok(
      commandLines.some((line) => line.includes(`supervisor-main.ts`) && line.includes(mesh.state.root)),
    );
    assert.deepEqual(
      commandLines.filter((line) => line.includes(secret)),
      [],
    );
  });

  test("volumes are where the pod says, and the host's files are as they were", async () => {
    assert.equal(await inTools("cat /settings/colour /etc/heddle-test/a.txt /about/note"), "blueAhello");
    assert.equal(
      (await inTools("cut -d. -f1-2 /var/run/secrets/kubernetes.io/serviceaccount/token | wc -l")).trim(),
      "1",
    );
    await inTools("echo written > /var/lib/heddle-test/shared/file");
    assert.notEqual((await mesh.exec("deploy/tools", ["sh", "-c", "echo x > /settings/colour"])).code, 0);
    for (const path of ["/settings", "/about", "/etc/heddle-test", "/var/lib/heddle-test", "/run/heddle"])
      assert.equal(existsSync(path), false, path);
  });

  test("a changed ConfigMap reaches running pods", async () => {
    const changed = objects.map((object) =>
      "kind" in object && object.kind === "ConfigMap"
        ? { ...object, data: { colour: "red", "a.txt": "A" } }
        : object,
    );
    mesh.write("objects.yaml", ...changed);
    await until(async () => (await inTools("cat /settings/colour")) === "red", "the new value");
  });

  test("a container runs as its user, without rights over the network", async () => {
    assert.equal((await inTools("id -u; id -g; id -G")).trim(), "1234\n2345\n2345");
    assert.match(await inTools("cat /proc/self/status"), /NoNewPrivs:\t1/);
    assert.notEqual((await mesh.exec("deploy/client", ["ip", "link", "set", "eth0", "down"])).code, 0);
    assert.notEqual((await mesh.exec("deploy/client", ["nft", "list", "ruleset"])).code, 0);
  });

  test("init containers and sidecars start in order, a sidecar when its startup probe has succeeded", async () => {
    assert.equal(await inTools("cat /var/lib/heddle-test/shared/order"), "first\nhelper\nlast\n");
    const [pod] = await mesh.podsOf("tools");
    assert.equal(pod?.readyContainers, "2/2");
  });

  test("a Job ends when its work is done, though it has a sidecar", async () => {
    await until(async () => (await mesh.podsOf("migrate"))[0]?.status === "Completed", "the job");
    assert.equal((await mesh.heddle("logs", "job/migrate")).stdout, "migrated\n");
    const [pod] = await mesh.podsOf("migrate");
    await until(
      async () =>
        (await mesh.podsOf("migrate"))[0]?.containers.every(({ state }) => state === "terminated") === true,
      `the sidecar of ${pod?.name}`,
    );
  });

  test("a container that ends is started again, later each time", async () => {
    const [pod] = await mesh.podsOf("web");
    const pid = pod?.containers[0]?.pid;
    assert.ok(pod && pid);
    process.kill(pid, "SIGKILL");
    await until(async () => {
      const now = (await mesh.podsOf("web")).find(({ name }) => name === pod.name);
      return now?.restarts === 1 && now.ready;
    }, "the restart");
  });

  test("exec gives the exit code of the command, and says so when there is no such pod", async () => {
    assert.equal((await mesh.exec("deploy/client", ["sh", "-c", "exit 7"])).code, 7);
    const none = await mesh.exec("deploy/none", ["true"]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no deploy\/none/);
  });
});
