// Real traffic through real sidecars: every protocol arrives, is encrypted, and says who called.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { capture } from "#test/helpers/capture.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly json?: {
    readonly headers: Readonly<Record<string, string>>;
    readonly httpVersion?: string;
    readonly remoteAddress?: string;
  };
  readonly error?: string;
}

const serverFlags = [
  "--http",
  "8080",
  "--grpc",
  "7070",
  "--tcp",
  "9000",
  "--greet",
  "2525",
  // On no Service and in no container's ports.
  "--http",
  "8090",
  "--tcp",
  "9090",
];
const serverPorts = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "grpc", port: 7070 },
  { name: "tcp-echo", port: 9000 },
  { name: "tcp-greet", port: 2525 },
  { name: "other", port: 9090 },
];

let mesh: Mesh;
let serverIp = "";
let virtualIp = "";

before(async () => {
  mesh = await startMesh({
    "mesh.yaml": [
      meshedNamespace("shop"),
      echo("server", serverFlags, 8080, { namespace: "shop", spec: { serviceAccountName: "server" } }),
      service("server", serverPorts, { namespace: "shop" }),
      service("server-headless", serverPorts, { namespace: "shop", clusterIP: "None", app: "server" }),
      echo("other", ["--http", "8080", "--name", "other"], 8080, { namespace: "shop" }),
      service("other", [{ name: "http", port: 80, targetPort: 8080 }], { namespace: "shop" }),
      client("web", { namespace: "shop", spec: { serviceAccountName: "web" } }),
    ],
    "legacy.yaml": [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "legacy" } },
      echo("old", ["--http", "8080", "--tcp", "9000"], 8080, { namespace: "legacy" }),
      service(
        "old",
        [
          { name: "http", port: 80, targetPort: 8080 },
          { name: "tcp", port: 9000 },
        ],
        {
          namespace: "legacy",
        },
      ),
      client("outsider", { namespace: "legacy" }),
    ],
  });
  serverIp = (await mesh.podsOf("server"))[0]?.ip ?? "";
  const lookup = ["node", "-e", "require('dns').lookup('server', (e, a) => console.log(a))"];
  virtualIp = (await mesh.output("deploy/web", lookup, { namespace: "shop", container: "web" })).trim();
});
after(() => mesh.close());

async function from(pod: string, ...command: readonly string[]): Promise<Answer> {
  const [namespace = "", name = ""] = pod.split("/");
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, command, { namespace, container: name });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Answer;
}

const fromWeb = (url: string, ...flags: readonly string[]) => from("shop/web", ...call(url, ...flags));
const fromOutside = (url: string, ...flags: readonly string[]) =>
  from("legacy/outsider", ...call(url, ...flags));

suite("between two pods of the mesh", () => {
  for (const url of [
    "http://server/",
    "h2://server/",
    "ws://server/",
    "grpc://server:7070/unary",
    "grpc://server:7070/stream",
    "grpc://server:7070/chat",
    "tcp://server:9000",
    "greet://server:2525",
    "tcp://server:9090",
  ]) {
    test(`${url} arrives, the first time and again`, async () => {
      for (let attempt = 0; attempt < 2; attempt++) {
        const answer = await fromWeb(url, "--body", "hello");
        assert.ok(answer.ok, JSON.stringify(answer));
      }
    });
  }

  test("the application sees its own Host, who called, and nothing of the mesh's", async () => {
    const { json } = await fromWeb("http://server/");
    const headers = json?.headers ?? {};
    assert.equal(headers.host, "server");
    assert.match(
      headers["x-forwarded-client-cert"] ?? "",
      /^By=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web$/,
    );
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith("x-heddle") || name === "x-envoy-original-host"),
      [],
    );
  });

  test("a client cannot forge who it is, nor the mesh's own headers", async () => {
    const { ok, json } = await fromWeb(
      "http://server/",
      "--header",
      "x-forwarded-client-cert:By=a;URI=spiffe://cluster.local/ns/shop/sa/admin",
      "--header",
      "x-heddle-miss:1",
    );
    assert.ok(ok);
    assert.doesNotMatch(json?.headers["x-forwarded-client-cert"] ?? "", /admin/);
  });

  for (const [what, url, flags] of [
    ["by virtual IP", () => `http://${virtualIp}/`, []],
    ["by pod IP", () => `http://${serverIp}:8080/`, []],
    ["by a headless service's name", () => "http://server-headless:8080/", []],
    ["on a port that nobody declares", () => `http://${serverIp}:8090/`, []],
    ["with a Host that nobody knows", () => "http://server/", ["--header", "host:some.where.else"]],
    ["with the Host of another service", () => "http://server/", ["--header", "host:other"]],
  ] as const) {
    test(`the client is known ${what}`, async () => {
      const { ok, json, headers } = await fromWeb(url(), ...flags);
      assert.ok(ok);
      assert.notEqual(headers?.["x-echo-name"], "other");
      assert.match(
        json?.headers["x-forwarded-client-cert"] ?? "",
        /URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/,
      );
    });
  }

  test("a client that connects and is silent for a while is served, also where others have spoken HTTP", async () => {
    assert.ok((await fromWeb("http://server/")).ok);
    const script = `
      const socket = require("net").connect(80, "server", () =>
        setTimeout(() => socket.write("GET /late HTTP/1.1\\r\\nhost: server\\r\\nconnection: close\\r\\n\\r\\n"), 300));
      let text = "";
      socket.on("data", (chunk) => (text += chunk));
      socket.on("error", (error) => (text += error)).on("close", () =>
        console.log(JSON.stringify({ ok: text.includes("/late"), text })));`;
    const answer = await from("shop/web", "node", "-e", script);
    assert.ok(answer.ok, answer.text);
    // As HTTP: only then is it known who called.
    assert.match(answer.text ?? "", /sa\/web/);
  });

  test("bodies arrive whole", async () => {
    const { json } = await fromWeb("http://server/", "--body-bytes", "4000000");
    assert.equal((json as { bodyBytes?: number } | undefined)?.bodyBytes, 4_000_000);
  });

  test("nothing that is sent can be read on the wire", async () => {
    const marker = "heddle-marker-5f2c";
    const namespace = `/run/netns/${(await mesh.summary()).networkNamespace}`;
    const bridge = { namespace, name: "br0" };
    const seen = await capture(bridge, async () => {
      for (const url of [
        "http://server/",
        "ws://server/",
        "grpc://server:7070/unary",
        "tcp://server:9000",
        `http://${serverIp}:8090/`,
        `tcp://${serverIp}:9090`,
        "http://server-headless:8080/",
      ]) {
        const answer = await fromWeb(url, "--body", marker);
        assert.ok(answer.ok, `${url}: ${JSON.stringify(answer)}`);
      }
    });
    assert.ok(seen.length > 10_000, "the capture saw the traffic");
    assert.equal(seen.includes(marker), false, "the marker is on the wire");
    // The capture would have seen it: the same in plaintext.
    const plain = await capture(bridge, async () => {
      assert.ok((await fromOutside("http://old.legacy/", "--body", marker)).ok);
    });
    assert.ok(plain.includes(marker));
  });
});

suite("in and out of the mesh, plaintext", () => {
  test("a pod of the mesh calls one outside it", async () => {
    const { ok, json } = await fromWeb("http://old.legacy/");
    assert.ok(ok);
    const mine = Object.keys(json?.headers ?? {}).filter((name) => name.startsWith("x-heddle"));
    assert.deepEqual(mine, []);
    assert.ok((await fromWeb("tcp://old.legacy:9000", "--body", "x")).ok);
  });

  test("a pod outside the mesh calls one in it, and cannot pretend to be anybody", async () => {
    const { ok, json } = await fromOutside(
      "http://server.shop/",
      "--header",
      "x-forwarded-client-cert:URI=spiffe://cluster.local/ns/shop/sa/admin",
    );
    assert.ok(ok);
    assert.equal(json?.headers["x-forwarded-client-cert"], undefined);
    for (const url of [
      "grpc://server.shop:7070/unary",
      "tcp://server.shop:9000",
      "greet://server.shop:2525",
    ]) {
      assert.ok((await fromOutside(url, "--body", "x")).ok, url);
    }
  });

  test("the proxy's own ports give nothing", async () => {
    for (const port of [15001, 15006]) {
      const outside = await fromOutside(`http://${serverIp}:${port}/`, "--timeout", "2000");
      assert.equal(outside.ok, false, `${port} from outside`);
      const inside = await fromWeb(`http://127.0.0.1:${port}/`, "--timeout", "2000");
      assert.equal(inside.ok, false, `${port} from inside`);
    }
  });
});

test("heddle stat tells what happened", async () => {
  interface Edge {
    readonly source: { readonly workload: string };
    readonly destination: { readonly service: string };
    readonly protocol: string;
    readonly mtls: boolean;
    readonly success: number;
    readonly failures: readonly { readonly reason: string; readonly share: number }[];
  }
  let edges: readonly Edge[] = [];
  const edgeTo = (name: string) =>
    edges.find(
      ({ source, destination, protocol }) =>
        source.workload === "web" && destination.service === name && protocol === "http",
    );
  // It tells of the last seconds.
  await until(async () => {
    await fromWeb("http://server/");
    await fromWeb("http://server:81/");
    const { stdout } = await mesh.heddle("stat", "-n", "shop", "-o", "json");
    edges = JSON.parse(stdout) as readonly Edge[];
    return edgeTo("server") !== undefined && edgeTo("unknown") !== undefined;
  }, "the edges");
  const web = edgeTo("server");
  assert.equal(web?.mtls, true);
  assert.equal(web.success, 1);
  assert.deepEqual(web.failures, []);
  assert.deepEqual(edgeTo("unknown")?.failures, [{ reason: "503", share: 1 }]);
});
