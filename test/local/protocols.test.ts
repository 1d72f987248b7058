// Every protocol through two sidecars as it would pass without them, on first requests too. What is plainer than this is
// in traffic.test.ts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { inTurns } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, podTemplate, service } from "#test/helpers/workloads.ts";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly json?: {
    readonly name?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly httpVersion?: string;
    readonly bodyBytes?: number;
    readonly greeting?: string;
  };
  readonly text?: string;
  readonly error?: string;
  readonly ms: number;
}

const namespace = "shop";

/** How a port is declared, and whether the mesh takes its bytes for HTTP, for TCP, or finds out itself. */
const declarations: readonly (readonly [object, "http" | "tcp"])[] = [
  [{ name: "http-a" }, "http"],
  [{ name: "http2" }, "http"],
  [{ name: "grpc" }, "http"],
  [{ name: "grpc-web" }, "http"],
  [{ name: "a", appProtocol: "http" }, "http"],
  [{ name: "b", appProtocol: "kubernetes.io/h2c" }, "http"],
  [{ name: "c", appProtocol: "kubernetes.io/ws" }, "http"],
  [{ name: "d" }, "http"],
  [{ name: "tcp" }, "tcp"],
  [{ name: "tls" }, "tcp"],
  [{ name: "https" }, "tcp"],
  [{ name: "mongo" }, "tcp"],
  [{ name: "mysql-a" }, "tcp"],
  [{ name: "redis" }, "tcp"],
  [{ name: "http-b", appProtocol: "tcp" }, "tcp"],
  [{ name: "e", appProtocol: "kubernetes.io/wss" }, "tcp"],
];
const declared = declarations.map(([port, kind], index) => ({ port: { ...port, port: 9001 + index }, kind }));

const firsts = ["h2", "ws", "post", "chunked", "grpc-unary", "grpc-chat"];
const serverFlags = [
  "--http",
  "8080",
  "--grpc",
  "7070",
  "--tcp",
  "9000",
  ...["2525", "3306", "2626"].flatMap((port) => ["--greet", port]),
  "--name",
  "server",
];
const serverAccount = { namespace, spec: { serviceAccountName: "server" } };

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "mesh.yaml": [
      meshedNamespace(namespace),
      echo("server", serverFlags, 8080, serverAccount),
      service(
        "server",
        [
          { name: "http", port: 80, targetPort: 8080 },
          { name: "tcp", port: 9000 },
        ],
        { namespace },
      ),
      ...firsts.map((name) =>
        service(
          `first-${name}`,
          [
            { name: "http", port: 80, targetPort: 8080 },
            { name: "grpc", port: 7070 },
          ],
          { namespace, app: "server" },
        ),
      ),
      service(
        "declared",
        declared.map(({ port }) => ({ ...port, targetPort: 8080 })),
        {
          namespace,
          app: "server",
        },
      ),
      service(
        "greets",
        [
          { name: "tcp", port: 2525 },
          // Known for servers that speak first.
          { name: "known", port: 3306 },
          { name: "unknown", port: 2626 },
        ],
        { namespace, app: "server" },
      ),
      // A container's port of which no service says anything either.
      service("undeclared", [{ port: 8080 }], { namespace, app: "server" }),
      inTurns(namespace),
      echo("many", ["--grpc", "7070", "--http", "8080"], 7070, { namespace, replicas: 3 }),
      service(
        "many",
        [
          { name: "grpc", port: 7070 },
          { name: "http", port: 80, targetPort: 8080 },
        ],
        { namespace },
      ),
      service(
        "db",
        [
          { name: "http", port: 8080 },
          { name: "tcp", port: 2525 },
        ],
        { namespace, clusterIP: "None" },
      ),
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "db", namespace },
        spec: {
          serviceName: "db",
          replicas: 2,
          selector: { matchLabels: { app: "db" } },
          template: podTemplate("db", ["node", join(APPS, "echo.ts"), "--http", "8080", "--greet", "2525"], {
            spec: { serviceAccountName: "db" },
            container: { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } },
          }),
        },
      },
      client("web", { namespace, spec: { serviceAccountName: "web" } }),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "legacy" } },
      client("outsider", { namespace: "legacy" }),
    ],
  });
});
after(() => mesh.close());

async function run<T>(command: readonly string[], from = `${namespace}/web`): Promise<readonly T[]> {
  const [own = "", name = ""] = from.split("/");
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, command, { namespace: own, container: name });
  assert.notEqual(stdout, "", stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

const calls = (url: string, ...flags: readonly string[]) => run<Answer>(call(url, ...flags));

async function one(url: string, ...flags: readonly string[]): Promise<Answer> {
  const [answer] = await calls(url, ...flags);
  assert.ok(answer !== undefined);
  return answer;
}

async function speak<T>(script: string, target: string, from?: string): Promise<T> {
  const [result] = await run<T>(["node", join(APPS, "speak.ts"), script, target], from);
  assert.ok(result !== undefined);
  return result;
}

/** What scripts with trailers come to: what the server saw of them, and the client. */
const withTrailers = { body: "hello", seen: { "x-sum": "5" }, got: "after" };
const fromWeb = /URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web$/;
const certificateOf = (answer: Answer) => answer.json?.headers?.["x-forwarded-client-cert"] ?? "";

suite("a first request", () => {
  test("may be HTTP/2 without TLS, and stays it", async () => {
    const answer = await one("h2://first-h2/", "--body", "hello");
    assert.equal(answer.json?.httpVersion, "2.0", JSON.stringify(answer));
    assert.match(certificateOf(answer), fromWeb);
  });

  test("may be a WebSocket", async () => {
    const answer = await one("ws://first-ws/", "--body", "hello");
    assert.ok(answer.ok, JSON.stringify(answer));
  });

  test("may have a body of megabytes", async () => {
    const answer = await one("http://first-post/", "--body-bytes", "20000000");
    assert.equal(answer.json?.bodyBytes, 20_000_000, JSON.stringify(answer));
  });

  test("may come in pieces and end with trailers, as may the answer", async () => {
    assert.deepEqual(await speak("chunked", "first-chunked:80"), withTrailers);
  });

  for (const kind of ["unary", "chat"]) {
    test(`may be gRPC, ${kind}`, async () => {
      const answer = await one(`grpc://first-grpc-${kind}:7070/${kind}`, "--body", "hello");
      assert.equal(answer.status, 0, JSON.stringify(answer));
    });
  }
});

suite("each request of one connection may go to another pod:", () => {
  for (const url of ["grpc://many:7070/unary", "h2://many/"]) {
    test(url, async () => {
      const answers = await calls(url, "--count", "90");
      const counts = new Map<string, number>();
      for (const { ok, json } of answers) {
        assert.ok(ok);
        counts.set(json?.name ?? "", (counts.get(json?.name ?? "") ?? 0) + 1);
      }
      assert.equal(counts.size, 3);
      assert.ok(
        [...counts.values()].every((count) => count >= 10),
        JSON.stringify([...counts]),
      );
    });
  }
});

/**
 * Waits for a call of which the server is told who makes it. What is not declared is taken for TCP where the client does
 * not speak within a tenth of a second, which it may not on a busy machine.
 */
async function isHttp(url: string): Promise<void> {
  await until(async () => {
    const answer = await one(url);
    assert.equal(answer.status, 200);
    return fromWeb.test(certificateOf(answer));
  }, `${url} to be taken for HTTP`);
}

suite("a port that is declared", () => {
  for (const { port, kind } of declared) {
    test(`${JSON.stringify(port)} is ${kind}`, async () => {
      const url = `http://declared:${port.port}/`;
      // Only what is taken for HTTP is told who called.
      if (kind === "http") await isHttp(url);
      else {
        const answer = await one(url);
        assert.equal(answer.status, 200);
        assert.equal(certificateOf(answer), "");
      }
    });
  }
});

suite("on a port of which nothing is declared", () => {
  test("HTTP of both versions and WebSockets are found out", async () => {
    for (const url of ["http://undeclared:8080/", "h2://undeclared:8080/"]) await isHttp(url);
    assert.ok((await one("ws://undeclared:8080/", "--body", "hello")).ok);
  });
});

suite("a server that speaks first", () => {
  /** The shortest of several, without the first, which looks the destination up: a busy machine makes single ones long. */
  async function shortest(url: string): Promise<number> {
    const answers = await calls(url, "--count", "12", "--body", "x");
    assert.ok(answers.every(({ ok }) => ok));
    return Math.min(...answers.slice(1).map(({ ms }) => ms));
  }

  test("is heard at once on a port that is declared TCP, and on one that is known", async () => {
    for (const port of [2525, 3306]) {
      const url = `greet://greets:${port}`;
      await until(async () => (await shortest(url)) < 90, `a greeting at once on ${port}`);
    }
  });

  test("is heard after a tenth of a second elsewhere", async () => {
    const ms = await shortest("greet://greets:2626");
    assert.ok(ms > 90 && ms < 1_000, `${ms} ms`);
  });
});

suite("the pods of a StatefulSet", () => {
  test("are called by their names, and know who calls", async () => {
    for (const name of ["db-0", "db-1"]) {
      const answer = await one(`http://${name}.db:8080/`);
      assert.equal(answer.json?.name, name);
      assert.match(certificateOf(answer), fromWeb);
      assert.equal((await one(`greet://${name}.db:2525`)).json?.greeting, `220 ${name} ready`);
    }
  });

  test("are called by their addresses, and know who calls", async () => {
    for (const { ip, name } of await mesh.podsOf("db")) {
      const answer = await one(`http://${ip}:8080/`);
      assert.equal(answer.json?.name, name);
      assert.match(certificateOf(answer), fromWeb);
      assert.equal((await one(`greet://${ip}:2525`)).json?.greeting, `220 ${name} ready`);
    }
  });

  test("take TCP by mutual TLS alone", async () => {
    await until(async () => {
      assert.ok((await one("greet://db-0.db:2525")).ok);
      const rows = JSON.parse((await mesh.heddle("stat", "-n", namespace, "-o", "json")).stdout) as readonly {
        readonly source: { readonly workload: string };
        readonly destination: { readonly service: string };
        readonly protocol: string;
        readonly mtls: boolean;
      }[];
      return rows.some(
        ({ source, destination, protocol, mtls }) =>
          source.workload === "web" && destination.service === "db" && protocol === "tcp" && mtls,
      );
    }, "an edge with mutual TLS");
  });
});

suite("bytes pass as they are:", () => {
  test("a side that has said everything still hears the other", async () => {
    assert.deepEqual(await speak("half-close", "server:9000"), { whole: true });
  });

  test("HTTP/1.0 without a Host", async () => {
    const { statusLine, body } = await speak<{ statusLine: string; body: string }>("http10", "server:80");
    assert.match(statusLine, /^HTTP\/1\.[01] 200 /);
    assert.match(body, /"path":"\/old"/);
  });

  test("a client that asks before it sends a body hears the server itself", async () => {
    assert.deepEqual(await speak("expect", "server:80"), { body: "hello", refusal: 417 });
  });

  test("trailers of HTTP/2 and of HTTP/1.1, both ways", async () => {
    assert.ok((await one("h2://server/")).ok);
    for (const script of ["trailers", "chunked"]) {
      assert.deepEqual(await speak(script, "server:80"), withTrailers, script);
    }
  });

  test("an answer that comes in pieces is not held back", async () => {
    // A client that is held up itself hears the first piece late.
    await until(async () => {
      const { firstMs, lastMs } = await speak<{ firstMs: number; lastMs: number }>("stream", "server:80");
      assert.ok(lastMs > 900, `${lastMs} ms`);
      return lastMs - firstMs > 500;
    }, "pieces that come one after the other");
  });

  test("an answer of many megabytes", async () => {
    const answer = await one("http://server/?bytes=50000000");
    assert.equal(answer.text, "50000000 characters");
  });

  test("connections may be idle", async () => {
    assert.deepEqual(await speak("idle", "server:9000"), { webSocket: "still", tcp: "there" });
  });
});

test("a client without a sidecar that is slow to speak HTTP cannot pretend to be anybody", async () => {
  const target = `${(await mesh.podsOf("many"))[0]?.ip}:8080`;
  const { text } = await speak<{ text: string }>("silent", target, "legacy/outsider");
  assert.match(text, /"path":"\/late"/);
  assert.doesNotMatch(text, /forged/);
});
