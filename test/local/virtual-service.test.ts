// What a VirtualService says of HTTP, through real sidecars. Every case runs in three ways: as the first request for a
// destination, as a later one by the service's own name, and with a Host that is not the service's.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { metricsOf } from "#test/helpers/metrics.ts";
import { until } from "#test/helpers/wait.ts";
import { call } from "#test/helpers/workloads.ts";
import type { Answer, Call } from "./apps/calls.ts";
import type { SeenRequest } from "./apps/echo-http.ts";
import { files, names, namespace } from "./virtual-service-files.ts";

let used = 0;
let mesh: Mesh;

before(async () => {
  mesh = await startMesh(files);
});
after(() => mesh.close());

async function answers(calls: readonly Call[], from = "deploy/web", inNamespace = namespace) {
  const command = ["node", join(APPS, "calls.ts"), JSON.stringify(calls)];
  const container = from.replace("deploy/", "");
  return JSON.parse(
    await mesh.output(from, command, { namespace: inNamespace, container }),
  ) as readonly Answer[];
}

/** A call in each of the ways; each case has a service of its own. */
function callsOf(path: string, others: Omit<Call, "url">): readonly Call[] {
  const host = names[used++];
  const at = { ...others, url: `http://${host}${path}` };
  return [at, at, { ...at, headers: { ...others.headers, host: `${host}.example.org` } }];
}

function everyWay(path: string, others: Omit<Call, "url"> = {}): Promise<readonly Answer[]> {
  return answers(callsOf(path, others));
}

function seen({ text }: Answer): SeenRequest {
  return JSON.parse(text) as SeenRequest;
}

/** Who answers in each of the ways, or the status of what is no answer of an application. */
async function whoAnswers(
  path: string,
  others: Omit<Call, "url"> = {},
): Promise<readonly (string | number)[]> {
  return (await everyWay(path, others)).map(answeredBy);
}

function answeredBy(answer: Answer): string | number {
  return answer.status === 200 ? seen(answer).name : answer.status;
}

const all = <T>(value: T): readonly T[] => [value, value, value];

suite("a VirtualService matches", () => {
  const cases: readonly (readonly [string, string, Omit<Call, "url">, string])[] = [
    ["a prefix, in whatever case", "/CASE/x", {}, "v2"],
    ["an expression", "/expression/12", {}, "v2"],
    ["an expression as a whole", "/expression/12x", {}, "v1"],
    ["a method and a scheme", "/method", { method: "PUT" }, "v2"],
    ["no other method", "/method", { method: "GET" }, "v1"],
    ["no other scheme", "/https", {}, "v1"],
    [
      "headers, of which one may be anything",
      "/headers",
      { headers: { "x-here": "1", "x-kind": "test" } },
      "v2",
    ],
    ["nothing where a header is missing", "/headers", { headers: { "x-kind": "test" } }, "v1"],
    ["what is without headers", "/without", { headers: { "x-kind": "new" } }, "v2"],
    ["nothing where a header is that must not be", "/without", { headers: { "x-kind": "old" } }, "v1"],
    ["nothing where any header is that must not be", "/without", { headers: { "x-debug": "" } }, "v1"],
    ["a cookie", "/cookie", { headers: { cookie: "a=b; user=jason; c=d" } }, "v2"],
    ["no other cookie", "/cookie", { headers: { cookie: "a=b; user=jasmin" } }, "v1"],
    ["parameters of the query", "/query?page=1&sort=b&any", {}, "v2"],
    ["no other parameters", "/query?page=1&sort=c&any=1", {}, "v1"],
    ["the Host as it was sent, wherever it stands", "/host", {}, "v2"],
    ["no weight of 0", "/zero", {}, "v1"],
  ];
  let found: readonly Answer[];
  before(async () => {
    found = await answers(cases.flatMap(([, path, others]) => callsOf(path, others)));
  });
  for (const [index, [name, , , expected]] of cases.entries()) {
    test(name, () => assert.deepEqual(found.slice(3 * index, 3 * index + 3).map(answeredBy), all(expected)));
  }
});

suite("a VirtualService answers", () => {
  test("with a redirect to the Host that was sent", async () => {
    const found = await everyWay("/moved/x");
    assert.deepEqual(
      found.map(({ status }) => status),
      all(308),
    );
    const host = names[used - 1];
    assert.deepEqual(
      found.map(({ headers }) => headers["location"]),
      [`http://${host}/there`, `http://${host}/there`, `http://${host}.example.org/there`],
    );
  });

  test("with a redirect to another place, the rest of the path kept", async () => {
    const found = await everyWay("/elsewhere/a?b=c");
    assert.deepEqual(
      found.map(({ status, headers }) => `${status} ${String(headers["location"])}`),
      all("301 https://example.org/x/a?b=c"),
    );
  });

  test("itself, with a status, a body and headers", async () => {
    const found = await everyWay("/closed");
    assert.deepEqual(
      found.map(({ status, text, headers }) => `${status} ${text} ${String(headers["x-why"])}`),
      all("503 closed today holiday"),
    );
    assert.deepEqual(
      (await everyWay("/bytes")).map(({ text }) => text),
      all("hello"),
    );
  });
});

suite("a VirtualService changes", () => {
  test("the prefix that it matches by, the whole of an exact path, what an expression finds", async () => {
    assert.deepEqual(
      (await everyWay("/old/a?b")).map((answer) => seen(answer).path),
      all("/new/a?b"),
    );
    const exact = (await everyWay("/exact?q")).map(seen);
    assert.deepEqual(
      exact.map(({ path, headers }) => `${path} ${String(headers["host"])}`),
      all("/whole?q other.org"),
    );
    assert.deepEqual(
      (await everyWay("/swap/a/b/c")).map((answer) => seen(answer).path),
      all("/b/a/c"),
    );
  });

  test("headers both ways, the Host among them", async () => {
    const found = await everyWay("/changed", { headers: { "x-gone": "1", "x-add": "1" } });
    for (const answer of found) {
      const { headers } = seen(answer);
      assert.equal(headers["x-set"], "100%");
      assert.match(String(headers["x-add"]), /1, ?2/);
      assert.equal(headers["x-gone"], undefined);
      assert.equal(headers["host"], "route.example.org");
      assert.equal(answer.headers["x-echo-name"], "hidden");
      assert.equal(answer.headers["x-more"], "3");
      assert.equal(answer.headers["content-type"], undefined);
    }
  });

  test("the Host for one destination alone", async () => {
    const host = names[used++];
    const at = { url: `http://${host}/own-host` };
    const found = await answers([
      ...Array.from({ length: 12 }, () => at),
      ...Array.from({ length: 12 }, () => ({ ...at, headers: { host: "x.org" } })),
    ]);
    const hosts = found.map((answer) => `${seen(answer).name} ${String(seen(answer).headers["host"])}`);
    assert.deepEqual([...new Set(hosts)].sort(), ["v1 one.org", "v2 route.example.org"]);
    assert.equal(new Set(hosts.slice(12)).size, 2);
  });
});

test("a VirtualService names statistics of the client's proxy", async () => {
  await everyWay("/old/counted");
  const filter = encodeURIComponent("route\\.renamed\\.upstream_rq_200");
  const page = `fetch("http://127.0.0.1:15000/stats?filter=${filter}").then((r) => r.text()).then(console.log)`;
  const stats = await mesh.output("deploy/web", ["node", "-e", page], { namespace, container: "web" });
  assert.match(stats, /^vhost\..*\.route\.renamed\.upstream_rq_200: 3$/m);
});

suite("a VirtualService injects", () => {
  test("errors, which telemetry tells from others", async () => {
    assert.deepEqual(await whoAnswers("/abort"), all(418));
    await until(
      async () => /response_code="418"[^}]*response_flags="FI"/.test(await metricsOf(mesh)),
      "the aborts",
    );
  });

  test("delays, which telemetry tells from others", async () => {
    const found = await everyWay("/delay");
    for (const answer of found) {
      assert.equal(seen(answer).name, "v2");
      assert.ok(answer.ms >= 395, `${answer.ms} ms`);
    }
    await until(
      async () => /response_code="200"[^}]*response_flags="DI"/.test(await metricsOf(mesh)),
      "the delays",
    );
  });

  test("errors into a part of the requests", async () => {
    const url = `http://${names[used++]}/sometimes`;
    const found = await answers(Array.from({ length: 200 }, () => ({ url })));
    const aborted = found.filter(({ status }) => status === 418).length;
    // Five standard deviations.
    assert.ok(aborted > 19 && aborted < 81, `${aborted} of 200 were aborted, which should be a quarter`);
    assert.equal(found.filter(({ status }) => status === 200).length, 200 - aborted);
  });

  test("errors in the words of gRPC, on the first call, too", async () => {
    const url = `grpc://${names[used++]}:7070/unary`;
    const { stdout } = await mesh.exec("deploy/web", call(url, "--count", "2"), {
      namespace,
      container: "web",
    });
    const statuses = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { readonly status: number }).status);
    assert.deepEqual(statuses, [8, 8]);
  });
});

test("a VirtualService ends a request that takes too long", async () => {
  assert.deepEqual(await whoAnswers("/slow?delay=1500"), all(504));
});

suite("a VirtualService repeats", () => {
  test("attempts that take too long, as often as it says", async () => {
    const found = await everyWay("/again?delay=1500");
    for (const { status, ms } of found) {
      assert.equal(status, 504);
      assert.ok(ms > 590, `${ms} ms for three attempts of 200 ms`);
    }
  });

  test("nothing, where it says so", async () => {
    const found = await everyWay("/once?delay=1500");
    assert.deepEqual(
      found.map(({ status }) => status),
      all(504),
    );
  });
});

test("a VirtualService mirrors, and the answer is that of the destination", async () => {
  assert.deepEqual(await whoAnswers("/copied"), all("v2"));
  const arrived = /istio_requests_total\{reporter="destination"[^}]*destination_workload="copy"[^}]*\} (\d+)/;
  await until(async () => arrived.exec(await metricsOf(mesh))?.[1] === "3", "a copy of each");
});

test("a VirtualService lets pages of other sites call", async () => {
  const ask = (origin: string) =>
    everyWay("/pages", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "PUT" },
    });
  for (const { headers } of await ask("https://www.example.org")) {
    assert.equal(headers["access-control-allow-origin"], "https://www.example.org");
    assert.equal(headers["access-control-allow-methods"], "PUT");
    assert.equal(headers["access-control-max-age"], "3600");
  }
  for (const { headers } of await ask("https://example.com")) {
    assert.equal(headers["access-control-allow-origin"], undefined);
    assert.equal(headers["x-echo-name"], undefined);
  }
});

suite("a VirtualService delegates", () => {
  test("what fits its own conditions, with its own timeout", async () => {
    assert.deepEqual(await whoAnswers("/delegated"), all("v2"));
    assert.deepEqual(await whoAnswers("/delegated?delay=1500"), all(504));
    assert.deepEqual(await whoAnswers("/delegated/moved"), all(301));
    assert.deepEqual(await whoAnswers("/other"), all("v1"));
  });

  test("to nobody, which is an error", async () => {
    assert.deepEqual(await whoAnswers("/broken"), all(500));
    const problems = await mesh.problems();
    assert.ok(problems.some(({ message }) => message.includes("there is no VirtualService shop/nobody")));
    assert.ok(problems.some(({ message }) => message.startsWith("has no effect: it lies outside")));
  });
});

suite("a VirtualService is", () => {
  test("for clients with a label or of a namespace", async () => {
    const host = `${names[used++]}.shop`;
    const calls = [{ url: `http://${host}/who` }, { url: `http://${host}/who`, headers: { host: "x.org" } }];
    const by = async (from: string, inNamespace?: string) =>
      (await answers(calls, from, inNamespace)).map((answer) => seen(answer).name);
    assert.deepEqual(await by("deploy/web"), ["v1", "v1"]);
    assert.deepEqual(await by("deploy/tester"), ["v2", "v2"]);
    assert.deepEqual(await by("deploy/researcher", "lab"), ["v2", "v2"]);
  });

  test("served as far as it can be: a rule that cannot be written answers with 500, one that cannot be read takes nothing", async () => {
    const paths = ["/command", "/line", "/name?=1", "/"];
    const found = await answers(paths.map((path) => ({ url: `http://untidy${path}` })));
    assert.deepEqual(found.map(answeredBy), [500, 500, "v1", "v1"]);
    const told = (await mesh.problems()).map(({ message }) => message);
    assert.ok(told.some((message) => message.startsWith("%NOSUCH% is no command of a proxy")));
  });

  test("for all hosts of a wildcard that no other names", async () => {
    const found = await answers(["/wild", "/"].map((path) => ({ url: `http://wild${path}` })));
    assert.deepEqual(
      found.map((answer) => seen(answer).name),
      ["v2", "v1"],
    );
    assert.deepEqual(await whoAnswers("/wild"), all("v1"));
  });

  test("before a younger one for the same host, but for what takes every request", async () => {
    const found = await answers(["/first", "/second", "/"].map((path) => ({ url: `http://shared${path}` })));
    assert.deepEqual(
      found.map((answer) => seen(answer).name),
      ["v2", "v2", "v1"],
    );
    const problems = await mesh.problems();
    const told = problems.find(({ object }) => object?.name === "b-second");
    assert.match(told?.message ?? "", /from spec\.http\[2\] on: VirtualService shop\/a-first is older/);
  });

  test("told of by heddle status, as on a cluster", async () => {
    let table = "";
    await until(async () => {
      table = (await mesh.heddle("status", "virtualservices", "-n", namespace)).stdout;
      return /VirtualService +shop +a-first +Accepted,ResolvedRefs,Programmed +1\/1\n/.test(table);
    }, "the proxy's acknowledgement");
    assert.match(table, /VirtualService +shop +all +ResolvedRefs: BackendNotFound +\d\/\d\n/);
    const { stderr } = await mesh.heddle("status");
    assert.match(stderr, /routes\.yaml:\d+: error: there is no VirtualService shop\/nobody/);
    const { stdout } = await mesh.heddle("status", "virtualservice", "all");
    assert.match(
      stdout,
      /✗ ResolvedRefs False \(BackendNotFound\) .*there is no VirtualService shop\/nobody/,
    );
  });
});
