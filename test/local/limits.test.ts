// RateLimit and AdaptiveConcurrency through real sidecars and a real gateway: what is let through, and what is not.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { freePort } from "#test/helpers/free-port.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: { readonly headers: Readonly<Record<string, string>> };
  readonly text?: string;
  readonly error?: string;
}

const namespace = "shop";
const gatewayApi = "gateway.networking.k8s.io";
const http = [{ name: "http", port: 80, targetPort: 8080 }];
const grpc = [{ name: "grpc", port: 7070, targetPort: 7070 }];
let mesh: Mesh;
let gatewayPort: number;

/** A service with pods of its own, so that no test counts another's requests. */
function app(name: string, replicas = 1): readonly object[] {
  return [
    echo(name, ["--http", "8080", "--name", name], 8080, { namespace, replicas }),
    service(name, http, { namespace }),
  ];
}

interface Target {
  readonly kind: string;
  readonly name: string;
  readonly sectionName?: string;
}

function policy(kind: string, name: string, target: Target, spec: object): object {
  const targetRefs = [{ group: target.kind === "Service" ? "" : gatewayApi, ...target }];
  return {
    apiVersion: "heddle.dev/v1alpha1",
    kind,
    metadata: { name, namespace },
    spec: { targetRefs, ...spec },
  };
}

/** Buckets that do not fill again while a test runs. */
function limit(requests: number, more: object = {}): object {
  return { requests, unit: "Day", ...more };
}

function limitOf(name: string, ...limits: readonly object[]): object {
  return policy("RateLimit", name, { kind: "Service", name }, { limits });
}

function route(name: string, parent: object, rules: readonly object[]): object {
  return {
    apiVersion: `${gatewayApi}/v1`,
    kind: "HTTPRoute",
    metadata: { name, namespace },
    spec: { parentRefs: [parent], rules },
  };
}

const below = (value: string) => [{ path: { type: "PathPrefix", value } }];
const backend = (name: string) => [{ name, port: 80 }];

before(async () => {
  gatewayPort = await freePort();
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      meshedNamespace("other"),
      ...app("plain"),
      ...app("keyed"),
      ...app("sources"),
      ...app("matched"),
      ...app("routed"),
      ...app("pair", 2),
      ...app("edited"),
      ...app("slow"),
      ...app("front"),
      echo("calls", ["--grpc", "7070", "--name", "calls"], 7070, { namespace }),
      service("calls", grpc, { namespace }),
      client("web", { namespace, spec: { serviceAccountName: "web" } }),
      client("batch", { namespace, spec: { serviceAccountName: "batch" } }),
      client("stranger", { namespace: "other", spec: { serviceAccountName: "web" } }),
    ],
    "limits.yaml": [
      limitOf("plain", limit(5)),
      limitOf(
        "keyed",
        limit(2, { key: [{ type: "Header", header: "X-User" }], match: { path: { value: "/user" } } }),
        limit(2, { key: [{ type: "Path" }], match: { path: { value: "/path" } } }),
        limit(2, { key: [{ type: "Method" }], match: { path: { value: "/method" } } }),
      ),
      limitOf(
        "sources",
        limit(2, { key: [{ type: "SourceIdentity" }], match: { path: { value: "/identity" } } }),
        limit(2, { key: [{ type: "SourceNamespace" }], match: { path: { value: "/namespace" } } }),
      ),
      policy(
        "RateLimit",
        "matched",
        { kind: "Service", name: "matched", sectionName: "http" },
        {
          limits: [
            limit(1, {
              match: {
                methods: ["GET"],
                path: { type: "Exact", value: "/exact" },
                headers: [{ type: "RegularExpression", name: "X-Plan", value: "free|trial" }],
              },
            }),
          ],
          response: { status: 503, headers: [{ name: "x-limited", value: "100%" }] },
        },
      ),
      limitOf("pair", limit(3, { burst: 5 })),
      limitOf("edited", limit(1_000_000)),
      limitOf("calls", limit(1)),
      policy("RateLimit", "route", { kind: "HTTPRoute", name: "routed" }, { limits: [limit(4)] }),
      policy(
        "RateLimit",
        "rule",
        { kind: "HTTPRoute", name: "routed", sectionName: "few" },
        { limits: [limit(2)] },
      ),
      policy(
        "AdaptiveConcurrency",
        "slow",
        { kind: "Service", name: "slow" },
        {
          minConcurrency: 2,
          maxConcurrency: 2,
        },
      ),
      policy(
        "RateLimit",
        "gateway",
        { kind: "Gateway", name: "public" },
        {
          limits: [limit(6, { key: [{ type: "Header", header: "x-user" }] })],
        },
      ),
      policy(
        "RateLimit",
        "buying",
        { kind: "HTTPRoute", name: "front", sectionName: "buy" },
        { limits: [limit(2)] },
      ),
    ],
    "routes.yaml": [
      route("routed", { group: "", kind: "Service", name: "routed" }, [
        { name: "few", matches: below("/few"), backendRefs: backend("routed") },
        { backendRefs: backend("routed") },
      ]),
      {
        apiVersion: `${gatewayApi}/v1`,
        kind: "Gateway",
        metadata: { name: "public", namespace },
        spec: {
          gatewayClassName: "heddle",
          listeners: [{ name: "http", port: gatewayPort, protocol: "HTTP" }],
        },
      },
      route("front", { name: "public" }, [
        { name: "buy", matches: below("/buy"), backendRefs: backend("front") },
        { backendRefs: backend("front") },
      ]),
    ],
  });
});
after(() => mesh.close());

async function callsFrom(
  target: string,
  url: string,
  ...flags: readonly string[]
): Promise<readonly Answer[]> {
  const [inNamespace, name] = target.includes("/") ? target.split("/") : [namespace, target];
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, call(url, ...flags), {
    namespace: inNamespace ?? "",
    container: name ?? "",
  });
  assert.notEqual(stdout, "", stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

const calls = (url: string, ...flags: readonly string[]) => callsFrom("web", url, ...flags);

async function statuses(url: string, ...flags: readonly string[]): Promise<readonly (number | undefined)[]> {
  return (await calls(url, ...flags)).map(({ status }) => status);
}

suite("a RateLimit of a Service", () => {
  test("lets so many requests through, from the first on, and says what is left", async () => {
    const answers = await calls("http://plain/", "--count", "7");
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 429, 429],
    );
    assert.equal(answers[0]?.headers?.["x-ratelimit-limit"], "5");
    assert.equal(answers[0].headers["x-ratelimit-remaining"], "4");
    const refused = answers[6]?.headers ?? {};
    assert.equal(refused["x-ratelimit-remaining"], "0");
    assert.ok(Number(refused["retry-after"]) > 1_000, JSON.stringify(refused));
    // Nobody sends it again.
    assert.equal(refused["x-envoy-ratelimited"], "true");
  });

  test("is not circumvented by other hosts, addresses of pods, or plaintext", async () => {
    const [pod] = await mesh.podsOf("plain");
    assert.deepEqual(await statuses("http://plain.shop.svc/", "--header", "host:any"), [429]);
    assert.deepEqual(await statuses(`http://${pod?.ip}:8080/`), [429]);
    const answer = await fetch(`http://${pod?.ip}:8080/`);
    assert.equal(answer.status, 429);
  });

  test("counts apart by a header, and requests without it together", async () => {
    const user = (name: string) => ["--count", "3", "--header", `x-user:${name}`];
    assert.deepEqual(await statuses("http://keyed/user", ...user("anna")), [200, 200, 429]);
    assert.deepEqual(await statuses("http://keyed/user", ...user("bert")), [200, 200, 429]);
    assert.deepEqual(await statuses("http://keyed/user", "--count", "3"), [200, 200, 429]);
  });

  test("counts apart by the path without its query, and by the method", async () => {
    assert.deepEqual(await statuses("http://keyed/path/a?x=1", "--count", "3"), [200, 200, 429]);
    assert.deepEqual(await statuses("http://keyed/path/a?x=2"), [429]);
    assert.deepEqual(await statuses("http://keyed/path/b", "--count", "3"), [200, 200, 429]);
    assert.deepEqual(await statuses("http://keyed/method", "--count", "3"), [200, 200, 429]);
    assert.deepEqual(
      await statuses("http://keyed/method", "--method", "POST", "--count", "3"),
      [200, 200, 429],
    );
    // What no limit is for.
    assert.deepEqual(await statuses("http://keyed/paths", "--count", "3"), [200, 200, 200]);
  });

  test("counts apart by the identity that the client proves, and by its namespace", async () => {
    const from = async (source: string, path: string) =>
      (await callsFrom(source, `http://sources.shop/${path}`, "--count", "3")).map(({ status }) => status);
    for (const source of ["web", "batch", "other/stranger"]) {
      assert.deepEqual(await from(source, "identity"), [200, 200, 429], source);
    }
    assert.deepEqual(await from("web", "namespace"), [200, 200, 429]);
    assert.deepEqual(await from("batch", "namespace"), [429, 429, 429]);
    assert.deepEqual(await from("other/stranger", "namespace"), [200, 200, 429]);
    // Clients without a certificate are one more.
    const [pod] = await mesh.podsOf("sources");
    const plaintext = [];
    for (let index = 0; index < 3; index++) {
      plaintext.push((await fetch(`http://${pod?.ip}:8080/identity`)).status);
    }
    assert.deepEqual(plaintext, [200, 200, 429]);
  });

  test("is for the requests that match, and answers as it says", async () => {
    const free = ["--header", "x-plan:free"];
    assert.deepEqual(await statuses("http://matched/exact?q", ...free), [200]);
    const [refused] = await calls("http://matched/exact", ...free);
    assert.equal(refused?.status, 503);
    assert.equal(refused.headers?.["x-limited"], "100%");
    for (const [path, ...flags] of [
      ["/exact/more", ...free],
      ["/exact", "--header", "x-plan:freedom"],
      ["/exact"],
      ["/exact", "--method", "POST", ...free],
    ]) {
      assert.deepEqual(await statuses(`http://matched${path}`, ...flags), [200], path);
    }
  });

  test("holds for each pod by itself, up to the burst", async () => {
    const answers = await calls("http://pair/", "--count", "40");
    assert.equal(answers.filter(({ status }) => status === 200).length, 10);
    assert.equal(answers.filter(({ status }) => status === 429).length, 30);
  });

  test("is RESOURCE_EXHAUSTED to gRPC", async () => {
    const [first] = await calls("grpc://calls:7070/unary");
    assert.equal(first?.ok, true, JSON.stringify(first));
    const [second] = await calls("grpc://calls:7070/unary");
    assert.match(second?.error ?? "", /RESOURCE_EXHAUSTED/);
  });

  test("is seen in telemetry as RL", async () => {
    const { controlPlane: _ } = await mesh.summary();
    await until(
      async () => (await mesh.heddle("stat", "-o", "json")).stdout.includes("plain"),
      "telemetry of the requests",
      10_000,
    );
  });
});

suite("a RateLimit of a route", () => {
  test("of a Service counts at the pods that serve it, for the route and for its rule", async () => {
    assert.deepEqual(await statuses("http://routed/few", "--count", "3"), [200, 200, 429]);
    // The third was within the route's limit, and no more of it is left than one.
    const rest = await statuses("http://routed/", "--count", "4");
    assert.equal(rest.filter((status) => status === 200).length, 1);
    const [direct] = await calls("http://routed/", "--header", "x-heddle-route:HTTPRoute/shop/other/0");
    assert.equal(direct?.status, 429);
  });

  test("of a Gateway counts there, beside that of the Gateway", async () => {
    const ask = async (path: string, user: string) =>
      (await fetch(`http://127.0.0.1:${gatewayPort}${path}`, { headers: { "x-user": user } })).status;
    await until(async () => (await ask("/", "nobody")) === 200, "the gateway", 10_000);
    assert.deepEqual(
      [await ask("/buy", "anna"), await ask("/buy", "bert"), await ask("/buy", "carl")],
      [200, 200, 429],
    );
    const later = [];
    for (let index = 0; index < 6; index++) later.push(await ask("/", "anna"));
    assert.deepEqual(later, [200, 200, 200, 200, 200, 429]);
    assert.equal(await ask("/", "bert"), 200);
  });
});

test("an edit takes effect at once, and breaks no stream", async () => {
  // A stream of eight seconds, and requests on one connection, while the policy changes twice and goes.
  const stream = calls("http://edited/?chunks=40&interval=200");
  const load = calls("http://edited/", "--count", "700", "--interval", "10");
  const set = async (document: object, wanted: number) => {
    mesh.write("limits-of-edited.yaml", document);
    await until(async () => (await statuses("http://edited/edit"))[0] === wanted, `status ${wanted}`, 3_000);
  };
  const editing = { path: { value: "/edit" } };
  const edit = (limits: object) =>
    policy(
      "RateLimit",
      "editing",
      { kind: "Service", name: "edited", sectionName: "http" },
      { limits: [limits] },
    );
  await set(edit(limit(1, { match: editing })), 429);
  await set(edit(limit(1_000, { match: editing })), 200);
  await set(edit(limit(1, { match: editing })), 429);
  mesh.remove("limits-of-edited.yaml");
  await until(async () => (await statuses("http://edited/edit"))[0] === 200, "no limit", 3_000);
  const [streamed] = await stream;
  assert.equal(streamed?.status, 200);
  assert.equal(streamed.text?.trim().split("\n").length, 40);
  const answers = await load;
  assert.deepEqual(answers.filter(({ status }) => status !== 200).slice(0, 3), []);
  // One connection for all: none was closed.
  const ports = new Set(
    answers.map(({ json }) => (json as unknown as { remoteAddress: string }).remoteAddress),
  );
  assert.ok(ports.size >= 1);
});

suite("an AdaptiveConcurrency", () => {
  async function together(path: string, count: number): Promise<readonly Answer[]> {
    const all = await Promise.all(Array.from({ length: count }, () => calls(`http://slow${path}`)));
    return all.flat();
  }

  test("sheds what comes at once beyond its limit while the application is slow", async () => {
    const answers = await together("/?delay=3000", 6);
    const shed = answers.filter(({ status }) => status === 503);
    assert.equal(
      answers.filter(({ status }) => status === 200).length,
      2,
      JSON.stringify(answers.map(({ status }) => status)),
    );
    assert.equal(shed.length, 4);
    assert.match(shed[0]?.text ?? "", /concurrency/);
  });

  test("lets everything pass while the application is fast", async () => {
    const answers = await calls("http://slow/", "--count", "200");
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
  });
});
