// Routes through real sidecars: what they do, that edits apply at once, and that no part's death fails a request.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { askSocket } from "#local/socket-client.ts";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { Counts } from "./apps/load.ts";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: { readonly headers: Readonly<Record<string, string>> };
  readonly text?: string;
  readonly error?: string;
  readonly ms: number;
}

const http = [{ name: "http", port: 80, targetPort: 8080 }];
const namespace = "shop";

function version(name: string): object {
  const labels = { group: "reviews", version: name };
  return echo(`reviews-${name}`, ["--http", "8080", "--name", name], 8080, { namespace, labels });
}

function split(v1: number, v2: number): object {
  const backend = (name: string, weight: number) => ({ name, port: 80, weight });
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "split", namespace },
    spec: {
      parentRefs: [{ group: "", kind: "Service", name: "reviews" }],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/slow" } }],
          timeouts: { request: "300ms" },
          backendRefs: [backend("reviews-v1", 1)],
        },
        {
          matches: [{ path: { type: "PathPrefix", value: "/gone" } }],
          backendRefs: [backend("reviews-v1", 1), backend("reviews-v9", 1)],
        },
        {
          matches: [{ headers: [{ name: "x-user", value: "tester" }] }],
          filters: [
            {
              type: "RequestHeaderModifier",
              requestHeaderModifier: { set: [{ name: "x-route", value: "tested" }], remove: ["x-secret"] },
            },
            {
              type: "ResponseHeaderModifier",
              responseHeaderModifier: { add: [{ name: "x-answered", value: "yes" }] },
            },
          ],
          backendRefs: [backend("reviews-v2", 1)],
        },
        { backendRefs: [backend("reviews-v1", v1), backend("reviews-v2", v2)] },
      ],
    },
  };
}

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      version("v1"),
      version("v2"),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "reviews", namespace },
        spec: { selector: { group: "reviews" }, ports: http },
      },
      service("reviews-v1", http, { namespace }),
      service("reviews-v2", http, { namespace }),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "catalog", namespace },
        spec: { selector: { group: "reviews" }, ports: http },
      },
      client("web", { namespace }),
      deployment("load", ["node", join(APPS, "load.ts"), "--rate", "100", "http://reviews/"], { namespace }),
    ],
    "route.yaml": [split(90, 10)],
    "istio.yaml": [
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "catalog", namespace },
        spec: {
          hosts: ["catalog"],
          http: [
            {
              match: [{ headers: { "end-user": { exact: "jason" } } }],
              route: [{ destination: { host: "catalog", subset: "v2" } }],
            },
            { route: [{ destination: { host: "catalog", subset: "v1" } }] },
          ],
        },
      },
      {
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: "catalog", namespace },
        spec: {
          host: "catalog",
          subsets: [
            { name: "v1", labels: { version: "v1" } },
            { name: "v2", labels: { version: "v2" } },
          ],
        },
      },
    ],
  });
});
after(() => mesh.close());

function calls(url: string, ...flags: readonly string[]): Promise<readonly Answer[]> {
  return callsFrom<Answer>(mesh, { deployment: "web", namespace }, url, flags);
}

async function one(url: string, ...flags: readonly string[]): Promise<Answer> {
  const [answer] = await calls(url, ...flags);
  assert.ok(answer !== undefined);
  return answer;
}

function namesOf(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const named: Record<string, number> = {};
  for (const { headers } of answers) {
    const name = headers?.["x-echo-name"] ?? "none";
    named[name] = (named[name] ?? 0) + 1;
  }
  return named;
}

/** What became of the load since the last time that this was asked. */
async function counts(): Promise<Counts> {
  const command = ["curl", "-sS", "http://127.0.0.1:9999/"];
  return JSON.parse(await mesh.output("deploy/load", command, { namespace, container: "load" })) as Counts;
}

/** Under the load something happens, and then a further hundred calls: every one must be answered with 200. */
async function unharmed(action: () => Promise<void>): Promise<void> {
  await counts();
  await action();
  const failures: string[] = [];
  let since = 0;
  for (let first = true; since <= 100; first = false) {
    const now = await counts();
    failures.push(...now.failures);
    if (!first) since += now.succeeded;
  }
  assert.deepEqual(failures.slice(0, 3), [], `${failures.length} failed`);
}

/** Waits until the load is answered by these, each of them and nobody else. */
async function answeredBy(...names: readonly string[]): Promise<void> {
  await until(async () => {
    const { answered, failures } = await counts();
    assert.deepEqual(failures.slice(0, 3), [], `${failures.length} failed`);
    return Object.keys(answered).sort().join() === names.join();
  }, `answers of ${names.join()}`);
}

/** How many proxies the control plane has. */
async function proxies(): Promise<number> {
  return (await askSocket<readonly unknown[]>(mesh.state.controlPlaneSocket, "/proxies").catch(() => []))
    .length;
}

suite("an HTTPRoute", () => {
  test("splits by weight", async () => {
    const { v1 = 0, v2 = 0 } = namesOf(await calls("http://reviews/", "--count", "1000"));
    assert.equal(v1 + v2, 1000);
    // Five standard deviations.
    assert.ok(v2 > 52 && v2 < 148, `${v2} of 1000 went to v2, which should get a tenth`);
  });

  test("matches a header, and changes headers both ways", async () => {
    const answer = await one("http://reviews/", "--header", "x-user:tester", "--header", "x-secret:1");
    assert.equal(answer.headers?.["x-echo-name"], "v2");
    assert.equal(answer.headers["x-answered"], "yes");
    assert.equal(answer.json?.headers["x-route"], "tested");
    assert.equal(answer.json.headers["x-secret"], undefined);
  });

  test("ends a request that takes too long", async () => {
    const answer = await one("http://reviews/slow?delay=20000");
    assert.equal(answer.status, 504);
    assert.ok(answer.ms < 10_000, `${answer.ms} ms`);
  });

  test("answers the share of a backend that does not exist with 500, and says so", async () => {
    const statuses = (await calls("http://reviews/gone", "--count", "60")).map(({ status }) => status);
    const failed = statuses.filter((status) => status === 500).length;
    assert.ok(failed > 10 && failed < 50, `${failed} of 60`);
    assert.equal(statuses.filter((status) => status === 200).length, 60 - failed);
    const validated = await mesh.heddle("ps");
    assert.equal(validated.code, 0);
    const problems = await mesh.problems();
    assert.ok(
      problems.some(({ message, file }) => message.includes("reviews-v9") && file?.endsWith("route.yaml")),
      JSON.stringify(problems),
    );
  });
});

test("a VirtualService sends to the subsets of a DestinationRule", async () => {
  assert.deepEqual(namesOf(await calls("http://catalog/", "--count", "20")), { v1: 20 });
  assert.deepEqual(namesOf(await calls("http://catalog/", "--count", "20", "--header", "end-user:jason")), {
    v2: 20,
  });
});

suite("while requests run,", () => {
  before(async () => {
    await until(async () => {
      const { failures, succeeded } = await counts();
      return succeeded > 0 && failures.length === 0;
    }, "calls that succeed");
  });

  test("an edited weight is in effect within a second, and fails none", async (t) => {
    await answeredBy("v1", "v2");
    await unharmed(async () => {
      const editedAt = performance.now();
      mesh.write("route.yaml", split(0, 100));
      await answeredBy("v2");
      const took = Math.round(performance.now() - editedAt);
      t.diagnostic(`in effect within ${took} ms`);
      assert.ok(took < 10_000, `${took} ms`);
    });
  });

  test("a deleted route is withdrawn", async () => {
    // With the route there, all went to v2.
    await unharmed(async () => {
      mesh.remove("route.yaml");
      await answeredBy("v1", "v2");
    });
  });

  test("a file that does not parse changes nothing and is reported", async () => {
    await unharmed(async () => {
      mesh.write("broken.yaml", "kind: [");
      await until(
        async () => (await mesh.problems()).some(({ file }) => file?.endsWith("broken.yaml")),
        "the problem",
      );
    });
    mesh.remove("broken.yaml");
  });

  test("the control plane may be killed, and sends proxies nothing again when it is back", async () => {
    // Changes of before may still be under way.
    let held = await holdings();
    await until(async () => {
      const earlier = held;
      await sleep(500);
      held = await holdings();
      return isDeepStrictEqual(held, earlier);
    }, "the last change");
    const connected = await proxies();
    assert.ok(connected >= 4, `${connected} proxies`);
    await unharmed(async () => {
      const { controlPlane } = await mesh.summary();
      assert.ok(controlPlane.pid !== undefined);
      process.kill(controlPlane.pid, "SIGKILL");
      await until(
        async () => (await mesh.summary()).controlPlane.restarts > controlPlane.restarts,
        "the restart",
      );
      await until(async () => (await proxies()) === connected, "the proxies to connect again");
    });
    assert.deepEqual(await holdings(), held);
    // And it is really back: an edit arrives.
    mesh.write("route.yaml", split(100, 0));
    await until(
      async () => namesOf(await calls("http://reviews/", "--count", "30")).v1 === 30,
      "the new route",
    );
  });

  test("with the control plane stopped known hosts work, and an unknown one is answered within five seconds", async () => {
    const { controlPlane } = await mesh.summary();
    assert.ok(controlPlane.pid !== undefined);
    process.kill(controlPlane.pid, "SIGSTOP");
    try {
      assert.equal((await one("http://reviews/")).status, 200);
      const answer = await one("http://reviews-v2/");
      assert.equal(answer.status, 503);
      assert.match(answer.text ?? "", /the control plane did not say/);
      // And what a busy machine adds.
      assert.ok(answer.ms < 15_000, `${answer.ms} ms`);
    } finally {
      process.kill(controlPlane.pid, "SIGCONT");
    }
    await until(async () => (await one("http://reviews-v2/")).ok, "an answer");
  });

  test("a killed proxy is restarted and serves again", async () => {
    const [pod] = await mesh.podsOf("reviews-v1");
    const proxy = pod?.containers.find(({ name }) => name === "heddle-proxy");
    assert.ok(proxy?.pid !== undefined);
    process.kill(proxy.pid, "SIGKILL");
    await until(
      async () =>
        (await mesh.podsOf("reviews-v1"))[0]?.containers.some(
          ({ name, restarts }) => name === "heddle-proxy" && restarts > proxy.restarts,
        ) === true,
      "the restart",
    );
    await mesh.ready("reviews-v1");
    await until(async () => (await one("http://reviews-v1/")).ok, "an answer");
  });
});

/** When each thing that the client's proxy holds was last changed. */
async function holdings(): Promise<readonly string[]> {
  const script =
    'fetch("http://127.0.0.1:15000/config_dump").then((r) => r.text()).then((t) => console.log(t))';
  const dump = await mesh.output("deploy/web", ["node", "-e", script], {
    namespace,
    container: "heddle-proxy",
  });
  const times = [...dump.matchAll(/"last_updated": *"([^"]+)"/g)].map(([, time]) => time ?? "");
  assert.ok(times.length > 5, dump.slice(0, 500));
  return times.sort();
}
