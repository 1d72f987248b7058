// Which requests are sent again, and which answers pages of other sites and sessions get, through real sidecars.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { type Answer, below, callsFrom, inTurns, routeTo } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { Call } from "./apps/calls.ts";

const namespace = "shop";
const outside = "outside";
const http = [{ name: "http", port: 80, targetPort: 8080 }];
const records = mkdtempSync(join(tmpdir(), "heddle-executions-"));
const executed = join(records, "executed");

const to = (name: string, weight = 1) => ({ name, port: 80, weight });

/** Two pods of one application that writes down what it executes. */
function witness(own: string): readonly object[] {
  const container = { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };
  const command = ["node", join(APPS, "witness.ts"), executed];
  return [
    deployment("orders", command, { namespace: own, container, replicas: 2 }),
    service("orders", http, { namespace: own }),
  ];
}

/** Rules that say when a request to the application is sent again. */
function retrying(own: string): readonly object[] {
  const rule = (path: string, more: object) => ({
    matches: [below(path)],
    backendRefs: [{ ...to("orders"), namespace: own }],
    ...more,
  });
  return [
    rule("/safe", {}),
    rule("/stanza", { retry: { attempts: 2 } }),
    rule("/codes", { retry: { codes: [503], attempts: 2, backoff: "10ms" } }),
    rule("/other-codes", { retry: { codes: [500], attempts: 2 } }),
    rule("/slow", { retry: { attempts: 2 }, timeouts: { backendRequest: "1s" } }),
    rule("/slow-once", { timeouts: { backendRequest: "1s" } }),
  ];
}

const cart = (name: string, sessionPersistence: object, backends: readonly object[]) => ({
  matches: [below(`/${name}`)],
  sessionPersistence,
  backendRefs: backends,
});
const pages = {
  allowOrigins: ["https://shop.example.com", "https://*.example.org"],
  allowMethods: ["GET", "PUT"],
  allowHeaders: ["x-user"],
  exposeHeaders: ["x-echo-name"],
  allowCredentials: true,
  maxAge: 600,
};

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: outside } },
      ...witness(namespace),
      ...witness(outside),
      service("unmeshed", http, { namespace }),
      service("frugal", http, { namespace, app: "orders" }),
      echo("echo", ["--http", "8080"], 8080, { namespace, replicas: 2 }),
      echo("echo-b", ["--http", "8080"], 8080, { namespace }),
      ...["echo", "echo-b"].map((name) => service(name, http, { namespace })),
      ...["web", "sessions", "kept"].map((name) => service(name, http, { namespace, app: "echo" })),
      client("caller", { namespace }),
    ],
    "routes.yaml": [
      inTurns(namespace),
      routeTo("orders", namespace, retrying(namespace)),
      routeTo("unmeshed", namespace, retrying(outside)),
      routeTo("frugal", namespace, [
        { retry: { codes: [503], attempts: 2, backoff: "10ms" }, backendRefs: [to("frugal")] },
      ]),
      routeTo("web", namespace, [
        { matches: [below("/pages")], filters: [{ type: "CORS", cors: pages }], backendRefs: [to("echo")] },
        {
          matches: [below("/public")],
          filters: [
            { type: "CORS", cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"] } },
          ],
          backendRefs: [to("echo")],
        },
        { matches: [below("/closed")], backendRefs: [to("echo")] },
      ]),
      routeTo("sessions", namespace, [
        cart("cookie", { sessionName: "cart", absoluteTimeout: "1h" }, [to("echo")]),
        cart("header", { sessionName: "x-cart", type: "Header" }, [to("echo")]),
        cart("split", {}, [to("echo"), to("echo-b")]),
      ]),
    ],
    "policies.yaml": [
      {
        apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
        kind: "XBackendTrafficPolicy",
        metadata: { name: "kept", namespace },
        spec: {
          targetRefs: [{ group: "", kind: "Service", name: "kept" }],
          sessionPersistence: { sessionName: "kept" },
        },
      },
      {
        apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
        kind: "XBackendTrafficPolicy",
        metadata: { name: "frugal", namespace },
        spec: {
          targetRefs: [{ group: "", kind: "Service", name: "frugal" }],
          retryConstraint: { budget: { percent: 0 }, minRetryRate: { count: 1, interval: "1s" } },
        },
      },
    ],
  });
});
after(async () => {
  await mesh.close();
  rmSync(records, { recursive: true, force: true });
});

function calls(url: string, ...flags: readonly string[]): Promise<readonly Answer[]> {
  return callsFrom(mesh, { deployment: "caller", namespace }, url, flags);
}

async function one(url: string, ...flags: readonly string[]): Promise<Answer> {
  const [answer] = await calls(url, ...flags);
  assert.ok(answer !== undefined);
  return answer;
}

/** What becomes of POSTs to addresses, all at a time: their answers, and how often the application executed each. */
async function assertPosts(wanted: Readonly<Record<string, string>>): Promise<void> {
  const posts = Object.keys(wanted).map((path): Call => {
    const url = `http://${path}`;
    return { url, method: "POST", headers: { "x-call": url }, body: "order" };
  });
  const command = ["node", join(APPS, "calls.ts"), "--at-once", JSON.stringify(posts)];
  const output = await mesh.output("deploy/caller", command, { namespace, container: "caller" });
  const answers = JSON.parse(output) as readonly { readonly status: number }[];
  const lines = readFileSync(executed, "utf8").split("\n");
  const found = Object.keys(wanted).map((path, index) => {
    const times = lines.filter((line) => line.startsWith(`http://${path} POST`)).length;
    return [path, `${answers[index]?.status}, executed ${times}×`];
  });
  assert.deepEqual(Object.fromEntries(found), wanted);
}

suite("a POST that may have been processed is", () => {
  test("never repeated by the default: its application dies, is cut off, answers 503, takes too long", async () => {
    await assertPosts({ "orders/safe?die=1": "503, executed 1×" });
    await assertPosts({
      "orders/safe?cut=1": "503, executed 1×",
      "orders/safe?status=503": "503, executed 1×",
      "orders/slow-once?delay=20000": "504, executed 1×",
      "unmeshed/safe?cut=1": "503, executed 1×",
      "unmeshed/safe?status=503": "503, executed 1×",
      "unmeshed/slow-once?delay=20000": "504, executed 1×",
    });
  });

  test("repeated for the statuses that a route names: 503 is also that of an application that is cut off", async () => {
    await assertPosts({
      "orders/codes?status=503": "503, executed 3×",
      "orders/codes?cut=1": "503, executed 3×",
      "orders/other-codes?status=503": "503, executed 1×",
      "unmeshed/codes?status=503": "503, executed 3×",
      "unmeshed/other-codes?status=503": "503, executed 1×",
    });
  });

  test("repeated where a route has any retries and the client's sidecar sees the attempt end", async () => {
    await assertPosts({
      // The server's sidecar makes an answer of what its application does.
      "orders/stanza?cut=1": "503, executed 1×",
      "unmeshed/stanza?cut=1": "503, executed 3×",
      "orders/slow?delay=20000": "504, executed 3×",
      "unmeshed/slow?delay=20000": "504, executed 3×",
      "orders/stanza?status=503": "503, executed 1×",
      "unmeshed/stanza?status=503": "503, executed 1×",
    });
  });
});

test("a retry budget bounds what all requests together repeat", async () => {
  const flags = ["--calls", "40", "--at-a-time", "40", "http://frugal/budget?status=503&delay=300"];
  const command = ["node", join(APPS, "count.ts"), ...flags];
  const began = performance.now();
  const output = await mesh.output("deploy/caller", command, { namespace, container: "caller" });
  const oneAfterTheOther = (performance.now() - began) / 300;
  assert.deepEqual(JSON.parse(output), { 503: 40 });
  const lines = readFileSync(executed, "utf8").split("\n");
  const executions = lines.filter((line) => line.includes("/budget")).length;
  // One at a time may be repeated, which takes 300 ms: without the budget it would be ten and a fifth of the requests.
  assert.ok(
    executions > 40 && executions <= 41 + oneAfterTheOther,
    `${executions} executions of 40 requests, where ${oneAfterTheOther} have time one after the other`,
  );
});

suite("for pages of other sites", () => {
  const preflight = (path: string, origin: string, ...headers: readonly string[]): Promise<Answer> => {
    const sentHeaders = [`origin:${origin}`, "access-control-request-method:PUT", ...headers];
    const flags = sentHeaders.flatMap((header) => ["--header", header]);
    return one(`http://web${path}`, "--method", "OPTIONS", ...flags);
  };
  const headersOf = ({ headers = {} }: Answer) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("access-control-")));

  test("a preflight is answered by the proxy, also the first request of all", async () => {
    const answer = await preflight("/pages", "https://shop.example.com", "host:any.example");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers?.["x-echo-name"], undefined);
    assert.deepEqual(headersOf(answer), {
      "access-control-allow-origin": "https://shop.example.com",
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,PUT",
      "access-control-allow-headers": "x-user",
      "access-control-expose-headers": "x-echo-name",
      "access-control-max-age": "600",
    });
  });

  test("a request has what it needs to be read, from origins that are allowed and from no others", async () => {
    const origins = [
      ["https://shop.example.com", true],
      ["https://a.b.example.org", true],
      ["https://example.org", false],
      ["http://shop.example.com", false],
      ["https://shop.example.com.evil.net", false],
    ] as const;
    const ask = async ([origin, allowed]: readonly [string, boolean]) => {
      const answer = await one("http://web/pages", "--header", `origin:${origin}`);
      const headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-echo-name",
      };
      assert.deepEqual([answer.status, headersOf(answer)], [200, allowed ? headers : {}], origin);
    };
    await Promise.all(origins.map(ask));
  });

  test("a preflight from elsewhere is not permitted, and does not reach the application", async () => {
    const answer = await preflight("/pages", "https://elsewhere.example.com");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers?.["x-echo-name"], undefined);
    assert.equal(answer.headers?.["access-control-allow-origin"], undefined);
  });

  test("wildcards allow what is asked for; a route without the filter leaves the application its answers", async () => {
    const answer = await preflight(
      "/public",
      "https://any.example",
      "access-control-request-headers:x-a,x-b",
    );
    assert.deepEqual(headersOf(answer), {
      "access-control-allow-origin": "https://any.example",
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "x-a,x-b",
      "access-control-max-age": "5",
    });
    const closed = await preflight("/closed", "https://shop.example.com");
    assert.deepEqual([typeof closed.headers?.["x-echo-name"], headersOf(closed)], ["string", {}]);
  });
});

suite("a session", () => {
  const cookiesOf = ({ headers }: Answer): readonly string[] => [headers?.["set-cookie"] ?? []].flat();
  const pods = (answers: readonly Answer[]) => new Set(answers.map(({ json }) => json?.name));

  /** The pods that answer requests with and without the cookies that a first request was given. */
  async function byCookie(url: string) {
    const first = await one(url);
    const cookies = cookiesOf(first);
    const header = `cookie:${cookies.map((cookie) => cookie.split(";")[0]).join("; ")}`;
    const kept = await calls(url, "--count", "20", "--header", header);
    return { first, cookies, kept: pods(kept), others: pods(await calls(url, "--count", "60")) };
  }

  test("by cookie stays with its endpoint, from the first request of all on", async () => {
    const { first, cookies, kept, others } = await byCookie("http://sessions/cookie/a");
    assert.deepEqual(kept, new Set([first.json?.name]));
    assert.equal(others.size, 2);
    assert.match(cookies.join(), /^cart="?[^;]+; Max-Age=3600; Path=\/cookie; HttpOnly$/);
  });

  test("by cookie stays with its backend, too, where several share the requests", async () => {
    const round = async (): Promise<void> => {
      const { first, kept, others } = await byCookie("http://sessions/split");
      assert.deepEqual(kept, new Set([first.json?.name]));
      assert.equal(others.size, 3);
    };
    await Promise.all([round(), round()]);
  });

  test("by header stays with its endpoint", async () => {
    const first = await one("http://sessions/header");
    const header = `x-cart:${String(first.headers?.["x-cart"])}`;
    const kept = await calls("http://sessions/header", "--count", "20", "--header", header);
    assert.deepEqual(pods(kept), new Set([first.json?.name]));
  });

  test("of a Service is kept without any route", async () => {
    const { first, cookies, kept, others } = await byCookie("http://kept/");
    assert.match(cookies.join(), /^kept="?[^;]+; Path=\/; HttpOnly$/);
    assert.deepEqual(kept, new Set([first.json?.name]));
    assert.equal(others.size, 2);
  });

  test("whose endpoint is gone goes on at another", async () => {
    const gone = Buffer.from("10.244.99.99:8080").toString("base64");
    const [answer] = await calls("http://kept/", "--header", `cookie:kept=${gone}`);
    assert.equal(answer?.status, 200);
    assert.equal(cookiesOf(answer).length, 1);
  });
});

test("what died is there again", async () => {
  await until(async () => (await mesh.podsOf("orders")).every(({ ready }) => ready), "all pods");
});
