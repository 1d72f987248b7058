// Balancing by latency through real sidecars: who is slow is avoided, everybody can see why, and rules can say otherwise.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointLatency } from "#cli/endpoint-latencies.ts";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { deployment, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { Counts } from "./apps/load.ts";

const namespace = "shop";
const http = [{ name: "http", port: 80, targetPort: 8080 }];
const perSecond = 60;

/** Requests wait for so long at most. */
const timeout = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name: "reviews", namespace },
  spec: {
    hosts: ["reviews"],
    http: [{ timeout: "1500ms", route: [{ destination: { host: "reviews" } }] }],
  },
};

const roundRobin = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: { name: "reviews", namespace },
  spec: { host: "reviews", trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } },
};

let mesh: Mesh;
let stopped = 0;

before(async () => {
  const load = ["node", join(APPS, "load.ts"), "--rate", String(perSecond), "http://reviews/"];
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      echo("reviews", ["--http", "8080"], 8080, { namespace, replicas: 3 }),
      service("reviews", http, { namespace }),
      deployment("web", load, { namespace }),
      timeout,
    ],
  });
});
after(async () => {
  if (stopped !== 0) process.kill(stopped, "SIGCONT");
  await mesh.close();
});

/** What became of the calls of the next seconds. */
async function countsOf(seconds: number): Promise<Counts> {
  await counts();
  await sleep(seconds * 1000);
  return counts();
}

async function counts(): Promise<Counts> {
  const get = "fetch('http://127.0.0.1:9999').then(async (r) => console.log(await r.text()))";
  const text = await mesh.output("deploy/web", ["node", "-e", get], { namespace, container: "web" });
  return JSON.parse(text) as Counts;
}

async function known(): Promise<readonly EndpointLatency[]> {
  const { stdout, stderr, code } = await mesh.heddle("endpoints", "reviews", "-n", namespace, "-o", "json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as readonly EndpointLatency[];
}

suite("balancing by latency", () => {
  test("everybody can see what proxies know of the endpoints that they use", async () => {
    let endpoints: readonly EndpointLatency[] = [];
    await until(async () => {
      endpoints = await known();
      return endpoints.length === 3 && endpoints.every(({ latencyMs }) => latencyMs !== null);
    }, "three answers");
    assert.deepEqual(
      new Set(endpoints.map(({ host }) => host)),
      new Set([`reviews.${namespace}.svc.cluster.local`]),
    );
    assert.match(endpoints[0]?.client ?? "", /^web-.*\.shop$/);
    const table = await mesh.heddle("endpoints", "reviews");
    assert.match(table.stdout, /CLIENT +SERVICE +ENDPOINT +LATENCY +OUTSTANDING/);
    const none = await mesh.heddle("endpoints", "reviews", "--from", "nobody");
    assert.match(none.stderr, /^nobody sends no requests to reviews; these do: web-.*\.shop/);
  });

  test("an endpoint that hangs costs a few requests, and not the third that it would have got", async () => {
    const [pod] = await mesh.podsOf("reviews");
    stopped = pod?.containers.find(({ name }) => name === "reviews")?.pid ?? 0;
    assert.notEqual(stopped, 0);
    await counts();
    process.kill(stopped, "SIGSTOP");
    let [failed, succeeded] = [0, 0];
    await until(async () => {
      const more = await counts();
      failed += more.failures.length;
      succeeded += more.succeeded;
      return failed >= 1 && succeeded > 4 * perSecond;
    }, "a failure, and many calls that succeed");
    const share = failed / (failed + succeeded);
    assert.ok(share < 0.08, `${failed} failed, ${share} of all`);
    const [slowest] = [...(await known())].sort((a, b) => (b.latencyMs ?? 0) - (a.latencyMs ?? 0));
    assert.equal(slowest?.address, `${pod?.ip}:8080`);
    assert.ok((slowest.latencyMs ?? 0) > 150, `${slowest.latencyMs} ms`);
  });

  test("a rule that asks for turns gets turns, and with them a third of failures", async () => {
    mesh.write("rule.yaml", roundRobin);
    await until(async () => (await countsOf(1)).failures.length > 10, "failures by turns");
    await until(async () => (await known()).length === 0, "nothing to be known of latencies");
    mesh.remove("rule.yaml");
    await until(async () => (await countsOf(1)).failures.length === 0, "no failures");
  });
});
