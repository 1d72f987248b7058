// Real traffic between pods of a real cluster, through real sidecars: every way to name a pod, every protocol.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { EdgeStat } from "#telemetry/stat.ts";
import { capture } from "#test/helpers/capture.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import {
  type Answer,
  call,
  deployment,
  echo,
  idle,
  object,
  podTemplate,
  service,
} from "#test/helpers/cluster-workloads.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { until } from "#test/helpers/wait.ts";

const serverFlags = [
  "--http",
  "8080",
  "--grpc",
  "7070",
  "--tcp",
  "9000",
  "--greet",
  "2525",
  "--http",
  "8090",
];
const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "grpc", port: 7070 },
  { name: "tcp-echo", port: 9000 },
  { name: "tcp-greet", port: 2525 },
];

let heddle: Installation;
let cluster: Cluster;
/** One in the mesh, one that has never heard of it. */
let meshed: string;
let outside: string;
let serverIp: string;

before(async () => {
  heddle = await startInstallation();
  cluster = heddle.cluster;
  meshed = await cluster.createNamespace("traffic", { "heddle.dev/inject": "enabled" });
  outside = await cluster.createNamespace("outside");
  const account = (name: string) => object("v1", "ServiceAccount", meshed, name, {});
  await cluster.apply([
    account("server"),
    account("client"),
    echo(meshed, "server", serverFlags, 8080, { spec: { serviceAccountName: "server" } }),
    service(meshed, "server", ports),
    service(meshed, "headless", ports, { app: "server", clusterIP: "None" }),
    object("apps/v1", "StatefulSet", meshed, "db", {
      spec: {
        serviceName: "db",
        replicas: 2,
        podManagementPolicy: "Parallel",
        selector: { matchLabels: { app: "db" } },
        template: podTemplate("db", ["node", "/apps/echo.js", "--http", "8080"], {
          container: { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } },
        }),
      },
    }),
    service(meshed, "db", [{ name: "http", port: 8080 }], { clusterIP: "None" }),
    deployment(meshed, "client", idle, {
      spec: { serviceAccountName: "client", terminationGracePeriodSeconds: 2 },
    }),
    echo(outside, "old", ["--http", "8080", "--tcp", "9000"], 8080),
    service(outside, "old", [ports[0] ?? {}, { name: "tcp", port: 9000 }]),
    deployment(outside, "outsider", idle),
  ]);
  for (const [namespace, workload] of [
    [meshed, "deployment/server"],
    [meshed, "statefulset/db"],
    [meshed, "deployment/client"],
    [outside, "deployment/old"],
    [outside, "deployment/outsider"],
  ] as const)
    await cluster.rolledOut(namespace, workload);
  const podIp = ["-o", "jsonpath={.items[0].status.podIP}"];
  serverIp = await cluster.kubectl(["get", "pods", "-n", meshed, "-l", "app=server", ...podIp]);
});
after(async () => {
  await heddle.leave();
  await Promise.all([meshed, outside].map((namespace) => cluster.deleteNamespace(namespace)));
});

const fromClient = (url: string, ...flags: readonly string[]) =>
  call(cluster, meshed, "deployment/client", url, ...flags);
const fromOutside = (url: string, ...flags: readonly string[]) =>
  call(cluster, outside, "deployment/outsider", url, ...flags);

function allOk(answers: readonly Answer[], count: number): void {
  assert.equal(answers.length, count);
  for (const answer of answers) assert.ok(answer.ok, JSON.stringify(answer));
}

const clientCertificate = (answer: Answer | undefined) =>
  answer?.json?.headers["x-forwarded-client-cert"] ?? "";
const peer = (name: string) => `spiffe://cluster.local/ns/${meshed}/sa/${name}`;

suite("between two pods of the mesh", () => {
  for (const [what, url] of [
    ["HTTP/1.1 to a Service", () => "http://server/"],
    ["HTTP/1.1 to a Service by its whole name", () => `http://server.${meshed}.svc.cluster.local/`],
    ["HTTP/2 to a Service", () => "h2://server/"],
    ["HTTP/1.1 to a headless Service", () => "http://headless:8080/"],
    ["HTTP/1.1 to a pod of a StatefulSet by its name", () => "http://db-1.db:8080/"],
    ["HTTP/1.1 to a pod's address", () => `http://${serverIp}:8080/`],
    ["HTTP/1.1 to a port that nobody declares", () => `http://${serverIp}:8090/`],
    ["gRPC, one message", () => "grpc://server:7070/unary"],
  ] as const) {
    test(`${what} arrives, the first time and again, and the server knows who calls`, async () => {
      const answers = await fromClient(url(), "--count", "3");
      allOk(answers, 3);
      for (const answer of answers)
        assert.match(clientCertificate(answer), new RegExp(`URI=${peer("client")}$`));
    });
  }

  for (const url of [
    "ws://server/",
    "grpc://server:7070/stream",
    "grpc://server:7070/chat",
    "tcp://server:9000",
    "tcp://headless:9000",
    // Where the server speaks first.
    "greet://server:2525",
  ]) {
    test(`${url} arrives, the first time and again`, async () => {
      allOk(await fromClient(url, "--body", "hello", "--count", "2"), 2);
    });
  }

  test("the name of a StatefulSet's pod leads to that pod", async () => {
    for (const name of ["db-0", "db-1"]) {
      const [answer] = await fromClient(`http://${name}.db:8080/`);
      assert.equal(answer?.json?.name, name);
    }
  });

  test("the application sees who called, and nothing of the mesh's; the client cannot forge it", async () => {
    const forged = "x-forwarded-client-cert:By=a;URI=spiffe://cluster.local/ns/traffic/sa/admin";
    const [answer] = await fromClient("http://server/", "--header", forged);
    assert.match(
      clientCertificate(answer),
      new RegExp(`^By=${peer("server")};Hash=[0-9a-f]{64};Subject="";URI=${peer("client")}$`),
    );
    const names = Object.keys(answer?.json?.headers ?? {});
    assert.deepEqual(
      names.filter((name) => name.startsWith("x-heddle")),
      [],
    );
  });

  test("nothing that is sent can be read on the wire", async () => {
    const marker = "heddle-marker-8c41";
    const network = await cluster.nodeNetwork();
    const bridge = { namespace: network.path, name: "cni0" };
    const seen = await capture(bridge, async () => {
      for (const url of [
        "http://server/",
        "grpc://server:7070/unary",
        "tcp://server:9000",
        "http://headless:8080/",
        "http://db-0.db:8080/",
        `http://${serverIp}:8090/`,
      ])
        allOk(await fromClient(url, "--body", marker), 1);
    });
    assert.ok(seen.length > 10_000, "the capture saw the traffic");
    assert.equal(seen.includes(marker), false, "the marker is on the wire");
    // The capture would have seen it: the same in plaintext.
    const plain = await capture(bridge, async () => {
      allOk(await fromOutside("http://old/", "--body", marker), 1);
    });
    assert.ok(plain.includes(marker));
    await network.close();
  });
});

suite("in and out of the mesh, in plaintext", () => {
  test("a pod of the mesh calls one outside it", async () => {
    const [answer] = await fromClient(`http://old.${outside}/`);
    assert.ok(answer?.ok, JSON.stringify(answer));
    assert.equal(clientCertificate(answer), "");
    allOk(await fromClient(`tcp://old.${outside}:9000`, "--body", "x"), 1);
  });

  test("a pod outside calls those in it, and cannot pretend to be anybody", async () => {
    const forged = `x-forwarded-client-cert:URI=${peer("client")}`;
    const [answer] = await fromOutside(`http://server.${meshed}/`, "--header", forged);
    assert.ok(answer?.ok, JSON.stringify(answer));
    assert.equal(clientCertificate(answer), "");
    for (const url of [
      `grpc://server.${meshed}:7070/unary`,
      `tcp://${serverIp}:9000`,
      `greet://server.${meshed}:2525`,
    ])
      allOk(await fromOutside(url, "--body", "x"), 1);
  });

  test("the API server is reached from a pod of the mesh", async () => {
    const script =
      'curl -sS -m 30 -k -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)" https://kubernetes.default.svc/version';
    const status = await cluster.execInPod(meshed, "deployment/client", ["sh", "-c", script], {
      container: "app",
    });
    assert.equal(status, "200");
  });
});

test("heddle stat tells the edges, and which of them are encrypted", async () => {
  let edges: readonly EdgeStat[] = [];
  const edge = (from: string, to: string) =>
    edges.find(
      ({ source, destination, protocol }) =>
        source.workload === from && destination.service === to && protocol === "http",
    );
  await until(async () => {
    await fromClient("http://server/");
    await fromClient(`http://old.${outside}/`);
    edges = await heddle.json("stat", "-n", meshed);
    return edge("client", "server") !== undefined && edge("client", "old") !== undefined;
  }, "the edges");
  assert.equal(edge("client", "server")?.mtls, true);
  assert.equal(edge("client", "server")?.success, 1);
  assert.equal(edge("client", "old")?.mtls, false);
  assert.match(await heddle.succeeds("stat", "-n", meshed), /client.*server/);
});
