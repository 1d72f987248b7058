// Where shares of requests and their copies go, through real sidecars.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { type Answer, below, callsFrom, routeTo } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const namespace = "shop";
const http = [{ name: "http", port: 80, targetPort: 8080 }];
const records = mkdtempSync(join(tmpdir(), "heddle-splits-"));

const to = (name: string, weight = 1) => ({ name, port: 80, weight });
const copyTo = (name: string, more: object = {}) => ({
  type: "RequestMirror",
  requestMirror: { backendRef: { name, port: 80 }, ...more },
});

function version(name: string): readonly object[] {
  return [
    echo(name, ["--http", "8080", "--name", name], 8080, { namespace }),
    service(name, http, { namespace }),
  ];
}

/** An application that copies go to, which writes them down. */
function copied(name: string, ...flags: readonly string[]): readonly object[] {
  const command = ["node", join(APPS, "witness.ts"), join(records, name), ...flags];
  const container = { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };
  return [deployment(name, command, { namespace, container }), service(name, http, { namespace })];
}

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      ...["v1", "v2", "v3"].flatMap(version),
      ...copied("audit"),
      ...copied("slow", "--delay", "20000"),
      ...copied("failing", "--status", "500"),
      // Nobody is behind it.
      service("dead", http, { namespace }),
      ...["split", "copied"].map((name) => service(name, http, { namespace, app: "v1" })),
      client("caller", { namespace }),
    ],
    "routes.yaml": [
      routeTo("split", namespace, [
        { backendRefs: [to("v1", 80), to("v2", 10), to("v3", 0), to("missing", 10)] },
      ]),
      routeTo("copied", namespace, [
        { matches: [below("/one")], filters: [copyTo("audit")], backendRefs: [to("v1")] },
        {
          matches: [below("/half")],
          filters: [copyTo("audit", { percent: 50 })],
          backendRefs: [to("v1")],
        },
        {
          matches: [below("/tenth")],
          filters: [copyTo("audit", { fraction: { numerator: 1, denominator: 10 } })],
          backendRefs: [to("v1")],
        },
        {
          matches: [below("/troubled")],
          filters: [copyTo("slow"), copyTo("failing"), copyTo("dead"), copyTo("missing"), copyTo("audit")],
          backendRefs: [to("v1")],
        },
      ]),
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

/** The copies that an application has of the requests for a path: `x-call method host path bytes` of each. */
function copies(name: string, path: string): readonly string[] {
  try {
    const lines = readFileSync(join(records, name), "utf8").split("\n");
    return lines.filter((line) => line.includes(` ${path} `));
  } catch {
    return [];
  }
}

test("weights hold within 1.5 % of 10,000 requests, 0 gets none, and a backend that does not exist answers its share with 500", async () => {
  const total = 10_000;
  const command = ["node", join(APPS, "count.ts"), "--calls", String(total), "http://split/"];
  const output = await mesh.output("deploy/caller", command, { namespace, container: "caller" });
  const counts = JSON.parse(output) as Readonly<Record<string, number>>;
  assert.deepEqual(Object.keys(counts).sort(), ["500", "v1", "v2"]);
  for (const [name, percentage] of [
    ["v1", 80],
    ["v2", 10],
    ["500", 10],
  ] as const) {
    const share = (100 * (counts[name] ?? 0)) / total;
    assert.ok(Math.abs(share - percentage) <= 1.5, `${name} has ${share} %, not ${percentage} %`);
  }
});

suite("a copy of a request", () => {
  test("arrives as the request was: the first of all, with body and Host", async () => {
    const [answer] = await calls(
      "http://copied/one/first",
      "--body",
      "hello",
      "--header",
      "host:shop.example.com",
      "--header",
      "x-call:a",
    );
    assert.equal(answer?.json?.name, "v1");
    await until(() => copies("audit", "/one/first").length === 1, "the copy");
    assert.deepEqual(copies("audit", "/one/first"), ["a POST shop.example.com /one/first 5"]);
  });

  test("has a large body, too", async () => {
    const bytes = 4_000_000;
    const flags = ["--body-bytes", String(bytes), "--header", "x-call:b"];
    const [answer] = await calls("http://copied/one/large", ...flags);
    assert.equal(answer?.status, 200);
    await until(() => copies("audit", "/one/large").length === 1, "the copy");
    assert.deepEqual(copies("audit", "/one/large"), [`b POST copied /one/large ${bytes}`]);
  });

  test("is made of each request, or of the share that is asked for", async () => {
    assert.ok((await calls("http://copied/one/each", "--count", "50")).every(({ ok }) => ok));
    await until(() => copies("audit", "/one/each").length === 50, "50 copies");
    // Five standard deviations.
    for (const [path, low, high] of [
      ["/half", 150, 250],
      ["/tenth", 10, 70],
    ] as const) {
      assert.ok((await calls(`http://copied${path}`, "--count", "400")).every(({ ok }) => ok));
      await until(() => copies("audit", path).length >= low, `copies of ${path}`);
      assert.ok(copies("audit", path).length <= high);
    }
  });

  test("never affects the answer: to a slow, a failing, a dead or a missing backend", async () => {
    const answers = await calls("http://copied/troubled", "--count", "20", "--body", "hello");
    assert.deepEqual([...new Set(answers.map(({ status, json }) => `${status} ${json?.name}`))], ["200 v1"]);
    const slowest = Math.max(...answers.map(({ ms }) => ms));
    assert.ok(slowest < 10_000, `${slowest} ms`);
    for (const name of ["slow", "failing", "audit"]) {
      await until(() => copies(name, "/troubled").length === 20, `copies to ${name}`);
    }
  });

  test("to a backend that does not exist is told of", async () => {
    const problems = await mesh.problems();
    const messages = problems.map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(
      messages.filter((message) => message.includes("missing")),
      [
        "spec.rules[0].backendRefs[3].name: there is no Service shop/missing; define it or correct the name",
        "spec.rules[3].filters[3].requestMirror.backendRef.name: there is no Service shop/missing; define it or correct the name",
      ],
    );
  });
});
