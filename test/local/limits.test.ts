// RateLimit and AdaptiveConcurrency through real sidecars and a real gateway: what is let through, and what is not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { freePort } from "#test/helpers/free-port.ts";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { inTurns } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { Answer as AnswerAtOnce, Call } from "./apps/calls.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: {
    readonly remoteAddress: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly text?: string;
}

const namespace = "shop";
const gatewayApi = "gateway.networking.k8s.io";
let mesh: Mesh;
let gatewayPort: number;

/** Each has a port of the application for itself, so that no test counts another's requests. */
const applications = [
  "plain",
  "quiet",
  "keyed",
  "sources",
  "matched",
  "routed",
  "edited",
  "slow",
  "fast",
  "front",
  "refused",
];
const portOf = (name: string) => 8_080 + applications.indexOf(name);

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

/** A bucket that does not fill again while a test runs. */
function limit(requests: number, more: object = {}): object {
  return { requests, unit: "Day", ...more };
}

function limitOf(name: string, ...limits: readonly object[]): object {
  return policy("RateLimit", name, { kind: "Service", name }, { limits });
}

function keyed(requests: number, path: string, ...key: readonly object[]): object {
  return limit(requests, { key, match: { path: { value: path } } });
}

function route(name: string, parent: object, rule: string): object {
  const backendRefs = [{ name, port: 80 }];
  const matches = [{ path: { type: "PathPrefix", value: `/${rule}` } }];
  return {
    apiVersion: `${gatewayApi}/v1`,
    kind: "HTTPRoute",
    metadata: { name, namespace },
    spec: { parentRefs: [parent], rules: [{ name: rule, matches, backendRefs }, { backendRefs }] },
  };
}

const policies = [
  limitOf("plain", limit(5)),
  limitOf("quiet", limit(2)),
  limitOf(
    "keyed",
    keyed(2, "/user", { type: "Header", header: "X-User" }),
    keyed(2, "/path", { type: "Path" }),
    keyed(2, "/method", { type: "Method" }),
  ),
  limitOf(
    "sources",
    keyed(2, "/identity", { type: "SourceIdentity" }),
    keyed(2, "/namespace", { type: "SourceNamespace" }),
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
  // Envoy would refuse it, and all else that the pod is told.
  limitOf("refused", {
    ...limit(1),
    match: { headers: [{ type: "RegularExpression", name: "x-any", value: "\\p{Foo}" }] },
  }),
  policy("RateLimit", "route", { kind: "HTTPRoute", name: "routed" }, { limits: [limit(4)] }),
  policy(
    "RateLimit",
    "rule",
    { kind: "HTTPRoute", name: "routed", sectionName: "few" },
    { limits: [limit(2)] },
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
  policy(
    "AdaptiveConcurrency",
    "shedding",
    { kind: "Service", name: "shedding" },
    { minConcurrency: 1, maxConcurrency: 1 },
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
  policy("AdaptiveConcurrency", "fast", { kind: "Service", name: "fast" }, {}),
];

before(async () => {
  gatewayPort = await freePort();
  const flags = applications.flatMap((name) => ["--http", String(portOf(name))]);
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      meshedNamespace("other"),
      echo("app", [...flags, "--grpc", "7070"], 7070, { namespace }),
      ...applications.map((name) =>
        service(name, [{ name: "http", port: 80, targetPort: portOf(name) }], { namespace, app: "app" }),
      ),
      service("calls", [{ name: "grpc", port: 7070 }], { namespace, app: "app" }),
      // Of this port clients' sidecars do not know what it speaks.
      service("undeclared", [{ port: 80 }], { namespace: "other" }),
      echo("pair", ["--http", "8080", "--http", "8081"], 8080, { namespace, replicas: 2 }),
      service("pair", [{ name: "http", port: 80, targetPort: 8080 }], { namespace }),
      service("shedding", [{ name: "http", port: 80, targetPort: 8081 }], { namespace, app: "pair" }),
      inTurns(namespace),
      client("web", { namespace, spec: { serviceAccountName: "web" } }),
      client("batch", { namespace, spec: { serviceAccountName: "batch" } }),
      client("stranger", { namespace: "other", spec: { serviceAccountName: "web" } }),
      client("outsider", { namespace: "outside" }),
    ],
    "policies.yaml": policies,
    "routes.yaml": [
      route("routed", { group: "", kind: "Service", name: "routed" }, "few"),
      route("front", { name: "public" }, "buy"),
      {
        apiVersion: `${gatewayApi}/v1`,
        kind: "Gateway",
        metadata: { name: "public", namespace },
        spec: {
          gatewayClassName: "heddle",
          listeners: [{ name: "http", port: gatewayPort, protocol: "HTTP" }],
        },
      },
    ],
  });
});
after(() => mesh.close());

/** The URL and flags of a call, or of several over one connection. */
type Command = readonly [string, ...string[]];

/** Calls one after another, from a client `NAMESPACE/NAME`; the answers in order. */
const callsFrom = (source: string, ...commands: readonly Command[]) =>
  run(source, commands.map(commandLine).join("; "));

/** So many calls at once, by one process: several would start one after the other. */
async function together(count: number, url: string): Promise<readonly AnswerAtOnce[]> {
  const all = Array.from({ length: count }, (): Call => ({ url }));
  const command = ["node", join(APPS, "calls.ts"), "--at-once", JSON.stringify(all)];
  const output = await mesh.output("deploy/web", command, { namespace, container: "web" });
  return JSON.parse(output) as readonly AnswerAtOnce[];
}

function commandLine(command: Command): string {
  return call(...command)
    .map((word) => `'${word}'`)
    .join(" ");
}

async function run(source: string, script: string): Promise<readonly Answer[]> {
  const [inNamespace = "", name = ""] = source.split("/");
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, ["sh", "-c", script], {
    namespace: inNamespace,
    container: name,
  });
  assert.notEqual(stdout, "", stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

const calls = (...commands: readonly Command[]) => callsFrom("shop/web", ...commands);

const statuses = async (...commands: readonly Command[]) =>
  (await calls(...commands)).map(({ status }) => status);

const thrice = ["--count", "3"] as const;
const twoOfThree = [200, 200, 429];

suite("a RateLimit of a Service", () => {
  test("lets so many requests through, from the first on, and says what is left", async () => {
    const answers = await calls(["http://plain/", "--count", "7"]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 429, 429],
    );
    assert.equal(answers[0]?.headers?.["x-ratelimit-limit"], "5");
    assert.equal(answers[0].headers["x-ratelimit-remaining"], "4");
    const refused = answers[6]?.headers ?? {};
    assert.equal(refused["x-ratelimit-remaining"], "0");
    assert.ok(Number(refused["retry-after"]) > 1_000, JSON.stringify(refused));
    // For proxies: not to be sent again.
    assert.equal(refused["x-envoy-ratelimited"], "true");
  });

  test("is not circumvented by other hosts, by addresses of pods, or in plaintext", async () => {
    const [pod] = await mesh.podsOf("app");
    const direct = `http://${pod?.ip}:${portOf("plain")}/`;
    assert.deepEqual(
      await statuses(["http://plain.shop.svc/", "--header", "host:any"], [direct]),
      [429, 429],
    );
    const [plaintext] = await callsFrom("outside/outsider", [direct]);
    assert.equal(plaintext?.status, 429);
  });

  test("nor by requests that no inspection takes for HTTP, and nobody believes what these say", async () => {
    const request = (more: string) =>
      ["tcp://quiet:80", "--body", `\r\nGET / HTTP/1.1\r\nhost: quiet\r\n${more}\r\n`] as const;
    // As much is waited for as is sent.
    const forged = `x-forwarded-client-cert: URI=spiffe://forged\r\nx-rest: ${"x".repeat(1_000)}\r\n`;
    const [first, second, third] = await calls(request(forged), request(""), request(""));
    assert.match(first?.text ?? "", /^HTTP\/1.1 200 [^]*"x-forwarded-client-cert":"By=spiffe/);
    assert.doesNotMatch(first?.text ?? "", /forged/);
    assert.match(second?.text ?? "", /^HTTP\/1.1 200 /);
    assert.match(third?.text ?? "", /^HTTP\/1.1 429 /);
  });

  test("counts apart by a header, the path without its query, and the method", async () => {
    const user = (name: string) => ["http://keyed/user", ...thrice, "--header", `x-user:${name}`] as const;
    assert.deepEqual(
      await statuses(user("anna"), user("bert"), ["http://keyed/user", ...thrice]),
      [twoOfThree, twoOfThree, twoOfThree].flat(),
    );
    assert.deepEqual(
      await statuses(
        ["http://keyed/path/a?x=1", ...thrice],
        ["http://keyed/path/a?x=2"],
        ["http://keyed/path/b", ...thrice],
      ),
      [...twoOfThree, 429, ...twoOfThree],
    );
    assert.deepEqual(
      await statuses(
        ["http://keyed/method", ...thrice],
        ["http://keyed/method", "--method", "POST", ...thrice],
      ),
      [...twoOfThree, ...twoOfThree],
    );
    // No limit is for it.
    assert.deepEqual(await statuses(["http://keyed/paths", ...thrice]), [200, 200, 200]);
  });

  test("counts apart by the identity that the client proves, and by its namespace", async () => {
    const [pod] = await mesh.podsOf("app");
    const from = async (source: string, host = "sources.shop") =>
      (
        await callsFrom(
          source,
          [`http://${host}/identity`, ...thrice],
          [`http://${host}/namespace`, ...thrice],
        )
      ).map(({ status }) => status);
    assert.deepEqual(await from("shop/web"), [...twoOfThree, ...twoOfThree]);
    assert.deepEqual(await from("shop/batch"), [...twoOfThree, 429, 429, 429]);
    assert.deepEqual(await from("other/stranger"), [...twoOfThree, ...twoOfThree]);
    // All without a certificate count as one.
    const plaintext = await from("outside/outsider", `${pod?.ip}:${portOf("sources")}`);
    assert.deepEqual(plaintext, [...twoOfThree, ...twoOfThree]);
  });

  test("is for the requests that match, and answers as it says", async () => {
    const free = ["--header", "x-plan:free"] as const;
    const [first, refused] = await calls(
      ["http://matched/exact?q", ...free],
      ["http://matched/exact", ...free],
    );
    assert.equal(first?.status, 200);
    assert.equal(refused?.status, 503);
    assert.equal(refused.headers?.["x-limited"], "100%");
    assert.deepEqual(
      await statuses(
        ["http://matched/exact/more", ...free],
        ["http://matched/exact", "--header", "x-plan:freedom"],
        ["http://matched/exact"],
        ["http://matched/exact", "--method", "POST", ...free],
      ),
      [200, 200, 200, 200],
    );
  });

  test("holds for each pod by itself, up to the burst", async () => {
    const found = await statuses(["http://pair/", "--count", "40"]);
    assert.equal(found.filter((status) => status === 200).length, 10);
    assert.equal(found.filter((status) => status === 429).length, 30);
  });

  test("is RESOURCE_EXHAUSTED to gRPC clients", async () => {
    const unary = "grpc://calls:7070/unary";
    assert.deepEqual(await statuses([unary], [unary]), [0, 8]);
  });
});

suite("a RateLimit of a route", () => {
  test("of a Service counts at the pods that serve it, for the route and for its rule", async () => {
    // Pretending to come by the route uses up nothing of it.
    const [pod] = await mesh.podsOf("app");
    const pretending = ["--count", "5", "--header", "x-heddle-route:HTTPRoute/shop/routed/few"] as const;
    const unseen = "\r\nGET / HTTP/1.1\r\nhost: a\r\nx-heddle-route: HTTPRoute/shop/routed/few\r\n\r\n";
    await calls(
      [`http://${pod?.ip}:${portOf("routed")}/few`, ...pretending],
      ["tcp://routed:80", "--count", "3", "--body", unseen],
    );
    const [first, ...others] = await calls(["http://routed/few", ...thrice]);
    assert.equal(first?.json?.headers["x-heddle-route"], undefined);
    assert.deepEqual(
      [first, ...others].map((answer) => answer?.status),
      twoOfThree,
    );
    // Two of the route's four are left, or one: the refused request may have taken one.
    const rest = await statuses(["http://routed/", "--count", "4"]);
    assert.deepEqual(rest.slice(-2), [429, 429]);
    assert.equal(rest[0], 200);
    const other = ["--header", "x-heddle-route:HTTPRoute/shop/other/0"];
    assert.deepEqual(await statuses(["http://routed/", ...other]), [429]);
  });

  test("of a Gateway counts there, beside that of the Gateway", async () => {
    const ask = async (path: string, user: string) =>
      (await fetch(`http://127.0.0.1:${gatewayPort}${path}`, { headers: { "x-user": user } })).status;
    await until(async () => (await ask("/", "nobody")) === 200, "the gateway");
    const buying = [];
    for (const user of ["anna", "bert", "carl"]) buying.push(await ask("/buy", user));
    assert.deepEqual(buying, twoOfThree);
    const later = [];
    for (let index = 0; index < 6; index++) later.push(await ask("/", "anna"));
    assert.deepEqual(later, [200, 200, 200, 200, 200, 429]);
    assert.equal(await ask("/", "bert"), 200);
  });
});

/** When the listeners of the application's proxy were last changed, by which Envoy drains connections. */
async function listeners(): Promise<string> {
  const [pod] = await mesh.podsOf("app");
  const script =
    'fetch("http://127.0.0.1:15000/config_dump?resource=dynamic_listeners&mask=name,active_state.last_updated").then((r) => r.text()).then((t) => console.log(t))';
  const dump = await mesh.output(`shop/${pod?.name}`, ["node", "-e", script], { container: "heddle-proxy" });
  assert.match(dump, /last_updated/);
  return dump;
}

test("a policy that no proxy can take takes nothing but itself away, and is told", async () => {
  assert.deepEqual(await statuses(["http://refused/", "--count", "2", "--header", "x-any:b"]), [200, 200]);
  assert.ok(
    (await mesh.problems()).some(({ message }) => message.includes("is no valid regular expression")),
  );
});

test("an edit takes effect at once, and closes no connection", async () => {
  const earlier = await listeners();
  // Answers that go on for six seconds, and requests on one connection, while a policy comes, changes and goes.
  const stream = calls(["http://edited/?chunks=30&interval=200"]);
  const load = calls(["http://edited/", "--count", "500", "--interval", "10"]);
  const probe = async (wanted: number) =>
    until(async () => (await statuses(["http://edited/edit"]))[0] === wanted, `status ${wanted}`);
  const edit = (requests: number) =>
    mesh.write(
      "editing.yaml",
      policy(
        "RateLimit",
        "editing",
        { kind: "Service", name: "edited", sectionName: "http" },
        { limits: [keyed(requests, "/edit", { type: "Path" })] },
      ),
    );
  edit(1);
  await probe(429);
  edit(1_000);
  await probe(200);
  mesh.remove("editing.yaml");
  const [streamed] = await stream;
  assert.equal(streamed?.status, 200);
  assert.equal(streamed.text?.trim().split("\n").length, 30);
  const answers = await load;
  assert.deepEqual(answers.filter(({ status }) => status !== 200).slice(0, 3), []);
  assert.deepEqual(await statuses(["http://edited/edit"]), [200]);
  assert.equal(await listeners(), earlier);
});

suite("an AdaptiveConcurrency", () => {
  test("sheds what comes at once beyond its limit while the application is slow", async () => {
    const found = await together(4, "http://slow/?delay=3000");
    assert.equal(found.filter(({ status }) => status === 200).length, 2);
    const shed = found.filter(({ status }) => status === 503);
    assert.equal(shed.length, 2);
    assert.match(shed[0]?.text ?? "", /concurrency/);
  });

  test("has what one pod sheds served by another", async () => {
    const found = await together(2, "http://shedding/?delay=2500");
    assert.deepEqual(
      found.map(({ status }) => status),
      [200, 200],
    );
  });

  test("lets everything pass while the application is fast", async () => {
    const found = await statuses(["http://fast/", "--count", "200"]);
    assert.deepEqual([...new Set(found)], [200]);
  });
});

test("what was refused is seen in telemetry, and policies without effect in the problems", async () => {
  mesh.write("lost.yaml", limitOf("nowhere", limit(1)));
  await until(
    async () =>
      (await mesh.problems()).some(({ message }) => message.includes("there is no Service shop/nowhere")),
    "the problem",
  );
  const toPlain = async () => {
    await statuses(["http://plain/"]);
    const { stdout } = await mesh.heddle("stat", "-o", "json");
    const edges = JSON.parse(stdout) as {
      destination: { service: string };
      limited: number;
      success: number;
    }[];
    return edges.find(({ destination }) => destination.service === "plain");
  };
  await until(async () => ((await toPlain())?.limited ?? 0) > 0.5, "refused requests");
  // They are the client's fault.
  assert.equal((await toPlain())?.success, 1);
  const asked = get({ socketPath: mesh.state.controlPlaneSocket, path: "/metrics" });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const refused =
    /istio_requests_total\{(?=.*reporter="destination")(?=.*response_code="429")(?=.*response_flags="RL")/;
  assert.match(await text(answer), refused);
});
