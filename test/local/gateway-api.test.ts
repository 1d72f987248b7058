// What Gateway API's routes say, through real sidecars: each feature of HTTPRoute and GRPCRoute that meshes have.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { client, echo, meshedNamespace } from "#test/helpers/workloads.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: {
    readonly name: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly error?: string;
}

const namespace = "shop";
const consumer = "consumer";

const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "http-alt", port: 8080 },
  { name: "grpc", port: 7070 },
];

function service(name: string, selector: object): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { selector, ports } };
}

function version(name: string): object {
  const flags = ["--http", "8080", "--grpc", "7070", "--name", name];
  return echo(`web-${name}`, flags, 7070, { namespace, labels: { group: "web", version: name } });
}

interface RouteOptions {
  readonly kind?: "HTTPRoute" | "GRPCRoute";
  readonly in?: string;
  readonly to: string;
  readonly parent?: object;
  readonly rules: readonly object[];
}

function route(
  name: string,
  { kind = "HTTPRoute", in: own = namespace, to, parent, rules }: RouteOptions,
): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind,
    metadata: { name, namespace: own },
    spec: { parentRefs: [{ group: "", kind: "Service", name: to, namespace, ...parent }], rules },
  };
}

const v1 = { name: "web-v1", port: 8080 };
const v2 = { name: "web-v2", port: 8080 };
const below = (value: string) => ({ path: { type: "PathPrefix", value } });
const redirect = (requestRedirect: object) => [{ type: "RequestRedirect", requestRedirect }];
const rewrite = (urlRewrite: object) => ({ type: "URLRewrite", urlRewrite });
const prefix = (replacePrefixMatch: string) => ({ type: "ReplacePrefixMatch", replacePrefixMatch });
const whole = (replaceFullPath: string) => ({ type: "ReplaceFullPath", replaceFullPath });
const setHeader = (type: "Request" | "Response", value: string) => ({
  type: `${type}HeaderModifier`,
  [`${type.toLowerCase()}HeaderModifier`]: { set: [{ name: "x-set", value }] },
});

const setHost = (value: string) => ({
  type: "RequestHeaderModifier",
  requestHeaderModifier: { set: [{ name: "Host", value }] },
});

const httpRules = [
  { matches: [below("/host")], filters: redirect({ hostname: "example.org", statusCode: 301 }) },
  { matches: [below("/scheme")], filters: redirect({ scheme: "https" }) },
  { matches: [below("/port")], filters: redirect({ port: 8083, statusCode: 307 }) },
  { matches: [below("/moved")], filters: redirect({ path: prefix("/here"), statusCode: 308 }) },
  { matches: [below("/gone")], filters: redirect({ path: whole("/there"), statusCode: 303 }) },
  { matches: [below("/strip")], filters: [rewrite({ path: prefix("/") })], backendRefs: [v1] },
  { matches: [below("/prefix/one")], filters: [rewrite({ path: prefix("/one") })], backendRefs: [v1] },
  {
    matches: [below("/full")],
    filters: [rewrite({ path: whole("/index"), hostname: "inner.example" }), setHeader("Request", "both")],
    backendRefs: [v1],
  },
  { matches: [below("/backend")], backendRefs: [{ ...v1, filters: [setHeader("Request", "backend")] }] },
  { matches: [{ queryParams: [{ name: "animal", value: "whale" }] }], backendRefs: [v1] },
  { name: "dolphins", matches: [{ queryParams: [{ name: "animal", value: "dolphin" }] }], backendRefs: [v2] },
  {
    matches: [below("/extended")],
    filters: [{ type: "ExtensionRef", extensionRef: { group: "example.org", kind: "Filter", name: "x" } }],
    backendRefs: [v1],
  },
  { matches: [below("/nowhere")], backendRefs: [{ name: "web-v9", port: 80 }] },
];

const places = ["products", "orders", "customers", "invoices", "shipments", "returns", "payments", "refunds"];
const hosted = { ...below("/hosted"), headers: [{ name: "Host", value: "shop.example.com" }] };
const byExpression = (value: string) => ({ path: { type: "RegularExpression", value } });

/** What users may write, and what proxies would refuse with all that is beside it, if it reached them as it is. */
const hostRules = [
  { matches: [hosted], filters: [setHeader("Response", "hosted")], backendRefs: [v2] },
  {
    matches: [below("/hosted")],
    filters: [setHost("inner.example")],
    backendRefs: [
      { ...v1, filters: [setHost("innermost.example")] },
      { ...v2, weight: 0 },
    ],
  },
  { matches: [byExpression("/(?=unknown).*")], backendRefs: [v2] },
  {
    matches: [byExpression(`/(${places.join("|")})/[0-9]{1,20}(/(${places.join("|")}))?`)],
    backendRefs: [v2],
  },
];

const method = (name: string) => ({ method: { service: "heddle.test.Echo", method: name } });
const grpcRules = [
  {
    matches: [method("Unary")],
    filters: [setHeader("Request", "unary")],
    backendRefs: [
      { name: "web-v1", port: 7070, weight: 70 },
      { name: "web-v2", port: 7070, weight: 30 },
      { name: "web-v3", port: 7070, weight: 0 },
    ],
  },
  {
    matches: [{ ...method("Unary"), headers: [{ name: "x-version", value: "missing" }] }],
    backendRefs: [{ name: "web-v3", port: 7070 }],
  },
  {
    matches: [{ method: { type: "RegularExpression", method: "S.*m" } }],
    backendRefs: [{ name: "web-v2", port: 7070 }],
  },
];

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      meshedNamespace(consumer),
      version("v1"),
      version("v2"),
      service("web", { group: "web" }),
      service("web-v1", { version: "v1" }),
      service("web-v2", { version: "v2" }),
      client("caller", { namespace }),
      client("caller", { namespace: consumer }),
    ],
    "routes.yaml": [
      route("web", { to: "web", parent: { port: 80 }, rules: httpRules }),
      route("hosts", { to: "web", parent: { port: 80 }, rules: hostRules }),
      route("calls", { kind: "GRPCRoute", to: "web", parent: { sectionName: "grpc" }, rules: grpcRules }),
      route("by-port", {
        to: "web-v2",
        parent: { sectionName: "http-alt" },
        rules: [{ filters: [setHeader("Response", "alternative")], backendRefs: [v2] }],
      }),
      route("consumed", {
        in: consumer,
        to: "web-v1",
        rules: [{ filters: [setHeader("Response", "consumer")], backendRefs: [{ ...v1, namespace }] }],
      }),
    ],
  });
});
after(() => mesh.close());

function calls(url: string, flags: readonly string[] = [], from = namespace): Promise<readonly Answer[]> {
  return callsFrom<Answer>(mesh, { deployment: "caller", namespace: from }, url, flags);
}

async function one(url: string, flags?: readonly string[], from?: string): Promise<Answer> {
  const [answer] = await calls(url, flags, from);
  assert.ok(answer !== undefined);
  return answer;
}

suite("a redirect", () => {
  const cases: readonly (readonly [string, number, string])[] = [
    // The first request of all, which waits for its routes.
    ["/moved/lemon?a=b", 308, "http://web/here/lemon?a=b"],
    ["/host?a=b", 301, "http://example.org/host?a=b"],
    ["/scheme/x", 302, "https://web/scheme/x"],
    ["/port", 307, "http://web:8083/port"],
    ["/moved", 308, "http://web/here"],
    ["/gone/far", 303, "http://web/there"],
  ];
  for (const [path, status, location] of cases) {
    test(`of ${path} answers with ${status} and ${location}`, async () => {
      const answer = await one(`http://web${path}`);
      assert.deepEqual([answer.status, answer.headers?.["location"]], [status, location]);
    });
  }

  test("repeats the Host that was sent, whatever it is, and never an address", async () => {
    for (const host of ["web.shop.svc.cluster.local", "shop.example.com", "shop.example.com"]) {
      const answer = await one("http://web/moved", ["--header", `host:${host}`]);
      assert.equal(answer.headers?.["location"], `http://${host}/here`);
    }
  });
});

suite("a rewrite", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["/strip/three?a=b", "/three?a=b", "web"],
    ["/strip", "/", "web"],
    ["/prefix/one/two", "/one/two", "web"],
    ["/prefix/one", "/one", "web"],
    ["/full/of/it?a=b", "/index?a=b", "inner.example"],
  ];
  for (const [path, seen, host] of cases) {
    test(`of ${path} lets the backend see ${seen} of ${host}`, async () => {
      const { status, json } = await one(`http://web${path}`);
      assert.deepEqual([status, json?.name, json?.path, json?.headers["host"]], [200, "v1", seen, host]);
    });
  }

  test("goes together with changed headers", async () => {
    assert.equal((await one("http://web/full")).json?.headers["x-set"], "both");
  });
});

suite("a rule", () => {
  test("matches query parameters", async () => {
    assert.equal((await one("http://web/?animal=whale&x=1")).json?.name, "v1");
    assert.equal((await one("http://web/?animal=dolphin")).json?.name, "v2");
    assert.equal((await one("http://web/?animal=whaledolphin")).status, 404);
  });

  test("changes headers for one backend", async () => {
    assert.equal((await one("http://web/backend")).json?.headers["x-set"], "backend");
  });

  test("matches the Host as any header, and sets it, whatever Host is sent", async () => {
    const matched = await calls("http://web/hosted", ["--header", "host:shop.example.com", "--count", "2"]);
    assert.deepEqual(
      matched.map(({ headers, json }) => [headers?.["x-set"], json?.headers["host"]]),
      Array.from({ length: 2 }, () => ["hosted", "shop.example.com"]),
    );
    for (const host of ["web", "elsewhere.example.com"]) {
      const { headers, json } = await one("http://web/hosted", ["--header", `host:${host}`]);
      assert.deepEqual([headers?.["x-set"], json?.headers["host"]], [undefined, "innermost.example"]);
    }
  });

  test("matches by a long expression; one that no proxy can read takes nothing", async () => {
    assert.equal((await one("http://web/shipments/12/refunds")).json?.name, "v2");
    assert.equal((await one("http://web/shipments/12/lemons")).status, 404);
    assert.equal((await one("http://web/unknown")).status, 404);
  });

  test("of an attached route must match: what none matches is not forwarded", async () => {
    assert.equal((await one("http://web/")).status, 404);
  });

  test("with a filter that is not supported, or with no backend, answers 500", async () => {
    assert.equal((await one("http://web/extended")).status, 500);
    assert.equal((await one("http://web/nowhere")).status, 500);
  });
});

suite("a parent", () => {
  test("may be one port, by its name; another port of the Service is as it was", async () => {
    const named = await one("http://web-v2:8080/");
    assert.deepEqual([named.status, named.headers?.["x-set"]], [200, "alternative"]);
    const other = await one("http://web-v2/");
    assert.deepEqual([other.status, other.headers?.["x-set"]], [200, undefined]);
  });

  test("of another namespace has the route for the clients of the route's namespace alone", async () => {
    const url = "http://web-v1.shop/";
    const consumed = await one(url, [], consumer);
    assert.deepEqual([consumed.status, consumed.headers?.["x-set"]], [200, "consumer"]);
    const produced = await one(url);
    assert.deepEqual([produced.status, produced.headers?.["x-set"]], [200, undefined]);
  });
});

suite("a GRPCRoute", () => {
  test("splits by weight, and changes headers", async () => {
    const answers = await calls("grpc://web:7070/unary", ["--count", "500"]);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [0]);
    assert.equal(answers[0]?.json?.headers["x-set"], "unary");
    const second = answers.filter(({ json }) => json?.name === "v2").length;
    // Five standard deviations.
    assert.ok(second > 98 && second < 202, `${second} of 500 went to v2, which should get 30 %`);
  });

  test("matches methods by expression, and answers UNIMPLEMENTED where no rule matches", async () => {
    const stream = await one("grpc://web:7070/stream");
    assert.equal(stream.status, 0, stream.error);
    assert.deepEqual(
      new Set((stream.json as unknown as { name: string }[]).map(({ name }) => name)),
      new Set(["v2"]),
    );
    assert.equal((await one("grpc://web:7070/chat")).status, 12);
  });

  test("answers UNAVAILABLE for a backend that does not exist", async () => {
    assert.equal((await one("grpc://web:7070/unary", ["--header", "x-version:missing"])).status, 14);
  });
});

test("problems name what is wrong with the routes", async () => {
  const reasons = new Set((await mesh.problems()).map(({ object, reason }) => `${object?.name} ${reason}`));
  assert.deepEqual([...reasons].sort(), [
    "calls BackendNotFound",
    "hosts UnsupportedValue",
    "web BackendNotFound",
    "web UnsupportedValue",
  ]);
});
