// Routes and Gateways as users write them into a cluster: what they do to real traffic, what their status says, and
// which are refused at once.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ObjectStatus } from "#cli/object-status.ts";
import type { Service } from "#model/kubernetes/service.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Problem } from "#model/reference.ts";
import type { Cluster } from "#test/helpers/cluster.ts";
import { call, deployment, echo, idle, object, service } from "#test/helpers/cluster-workloads.ts";
import { request } from "#test/helpers/http.ts";
import { type Installation, startInstallation } from "#test/helpers/installation.ts";
import { loadGenerator, loadRuns, takeCounts } from "#test/helpers/load.ts";
import { runHeddle } from "#test/helpers/run-heddle.ts";
import { until } from "#test/helpers/wait.ts";
import { testPolicies } from "./mesh/policies.ts";

let heddle: Installation;
let cluster: Cluster;
let namespace: string;
let outside: string;

const gatewayApi = "gateway.networking.k8s.io/v1";
const istio = "networking.istio.io/v1";
const ports = [{ name: "http", port: 80, targetPort: 8080 }];

function version(name: string, of: string): KubernetesObject {
  const labels = { group: of, version: name };
  return echo(namespace, `${of}-${name}`, ["--http", "8080", "--name", name], 8080, { labels });
}

function group(name: string): KubernetesObject {
  return object("v1", "Service", namespace, name, { spec: { selector: { group: name }, ports } });
}

/** Sends calls to the Service `shop` to its two versions. */
function weights(v1: number, v2: number): KubernetesObject {
  const backendRefs = [
    { name: "shop-v1", port: 80, weight: v1 },
    { name: "shop-v2", port: 80, weight: v2 },
  ];
  const parentRefs = [{ group: "", kind: "Service", name: "shop" }];
  return object(gatewayApi, "HTTPRoute", namespace, "shop", {
    spec: { parentRefs, rules: [{ backendRefs }] },
  });
}

before(async () => {
  heddle = await startInstallation();
  cluster = heddle.cluster;
  namespace = await cluster.createNamespace("routing", { "heddle.dev/inject": "enabled" });
  outside = await cluster.createNamespace("outside");
  await cluster.apply([
    version("v1", "shop"),
    version("v2", "shop"),
    group("shop"),
    service(namespace, "shop-v1", ports),
    service(namespace, "shop-v2", ports),
    deployment(namespace, "client", idle),
    weights(1, 0),
    loadGenerator(namespace, "load", { rate: 50, urls: ["http://shop/"] }),
  ]);
  for (const name of ["shop-v1", "shop-v2", "client"])
    await cluster.rolledOut(namespace, `deployment/${name}`);
  await loadRuns(cluster, namespace, "load");
});
after(async () => {
  await Promise.all([namespace, outside].map((each) => cluster.deleteNamespace(each)));
  await heddle.leave();
});

/** Which version answered, of so many calls. */
async function answers(count: number, ...flags: readonly string[]): Promise<readonly (string | undefined)[]> {
  const all = await call(
    cluster,
    namespace,
    "deployment/client",
    "http://shop/",
    "--count",
    String(count),
    ...flags,
  );
  return all.map((answer) => answer.json?.name);
}

async function statusOf(kind: string, name: string): Promise<ObjectStatus | undefined> {
  const found = await heddle.json<readonly ObjectStatus[]>("status", kind, name, "-n", namespace);
  return found[0];
}

async function becomesTrue(kind: string, name: string, types: readonly string[]): Promise<void> {
  await until(
    async () => {
      const conditions = (await statusOf(kind, name))?.conditions ?? [];
      return types.every((type) => conditions.some((each) => each.type === type && each.status === "True"));
    },
    `${types.join(", ")} of ${kind} ${name}`,
  );
}

test("calls are shared out as an HTTPRoute says, and its status says so", async () => {
  await cluster.apply([weights(3, 1)]);
  await becomesTrue("httproute", "shop", ["Accepted", "ResolvedRefs", "Programmed"]);
  await until(async () => {
    const proxies = (await statusOf("httproute", "shop"))?.proxies;
    return (
      proxies !== null && proxies !== undefined && proxies.acknowledged === proxies.all && proxies.all >= 1
    );
  }, "the proxies' acknowledgements");
  const seen = await answers(200);
  const share = seen.filter((name) => name === "v2").length / seen.length;
  assert.ok(share > 0.1 && share < 0.4, `${share} of the calls came to the second version`);
});

test("an edited weight is in effect within a second, and no call fails", async (t) => {
  await cluster.apply([weights(1, 0)]);
  await until(async () => {
    const { answered } = await takeCounts(cluster, namespace, "load");
    return answered["v2"] === undefined;
  }, "the first version alone");
  const start = performance.now();
  await cluster.apply([weights(0, 1)]);
  const applied = performance.now();
  await until(async () => {
    const { answered, failures } = await takeCounts(cluster, namespace, "load");
    assert.deepEqual(failures, []);
    return answered["v2"] !== undefined && answered["v1"] === undefined;
  }, "the second version alone");
  const took = Math.round(performance.now() - applied);
  t.diagnostic(
    `in effect ${took} ms after kubectl apply returned, ${Math.round(performance.now() - start)} ms in all`,
  );
  assert.ok(took < 10_000, `${took} ms`);
});

test("calls follow an Istio VirtualService and the subsets of a DestinationRule", async () => {
  const host = `books.${namespace}.svc.cluster.local`;
  const destination = (subset: string) => [{ destination: { host, subset } }];
  await cluster.apply([
    version("v1", "books"),
    version("v2", "books"),
    group("books"),
    object(istio, "DestinationRule", namespace, "books", {
      spec: { host, subsets: ["v1", "v2"].map((name) => ({ name, labels: { version: name } })) },
    }),
    object(istio, "VirtualService", namespace, "books", {
      spec: {
        hosts: [host],
        http: [
          { match: [{ headers: { "x-beta": { exact: "yes" } } }], route: destination("v2") },
          { route: destination("v1") },
        ],
      },
    }),
  ]);
  for (const name of ["books-v1", "books-v2"]) await cluster.rolledOut(namespace, `deployment/${name}`);
  const ask = async (...flags: readonly string[]) => {
    const all = await call(
      cluster,
      namespace,
      "deployment/client",
      "http://books/",
      "--count",
      "10",
      ...flags,
    );
    return [...new Set(all.map((answer) => answer.json?.name))];
  };
  await until(async () => (await ask()).join() === "v1", "the default subset");
  assert.deepEqual(await ask("--header", "x-beta:yes"), ["v2"]);
});

test("a Gateway of our class becomes a Deployment and a Service, and takes calls", async () => {
  await cluster.apply([
    object(gatewayApi, "Gateway", namespace, "front", {
      spec: { gatewayClassName: "heddle", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
    }),
    object(gatewayApi, "HTTPRoute", namespace, "front", {
      spec: {
        parentRefs: [{ name: "front" }],
        hostnames: ["shop.example"],
        rules: [{ backendRefs: [{ name: "shop-v2", port: 80 }] }],
      },
    }),
  ]);
  await cluster.kubectl([
    "wait",
    "deployment/front-heddle",
    "-n",
    namespace,
    "--for=create",
    "--timeout=180s",
  ]);
  await cluster.rolledOut(namespace, "deployment/front-heddle");
  await becomesTrue("httproute", "front", ["Accepted", "ResolvedRefs", "Programmed"]);
  await becomesTrue("gateway", "front", ["Accepted", "Programmed"]);
  const { spec } = await cluster.get<Service & { readonly spec: { readonly clusterIP: string } }>(
    "service",
    "front-heddle",
    namespace,
  );
  const network = await cluster.nodeNetwork();
  const ask = async (host: string) =>
    request(await network.connect(spec.clusterIP, 80), { path: "/from-outside", headers: { host } });
  await until(async () => (await ask("shop.example")).status === 200, "the gateway to serve");
  const answer = JSON.parse((await ask("shop.example")).body) as {
    name: string;
    headers: Record<string, string>;
  };
  assert.equal(answer.name, "v2");
  // The way from the gateway into the mesh is encrypted.
  assert.match(
    answer.headers["x-forwarded-client-cert"] ?? "",
    new RegExp(`/ns/${namespace}/sa/front-heddle`),
  );
  assert.equal((await ask("another.example")).status, 404);
  await network.close();
});

test("a route that cannot work is refused in the words of heddle validate; one whose Service is missing is told", async () => {
  const parentRefs = [{ group: "", kind: "Service", name: "shop" }];
  const route = (name: string, rule: object) =>
    object(gatewayApi, "HTTPRoute", namespace, name, { spec: { parentRefs, rules: [rule] } });
  const wrong = route("wrong", {
    matches: [{ path: { type: "RegularExpression", value: "/(" } }],
    backendRefs: [{ name: "shop-v1", port: 80 }],
  });
  const directory = mkdtempSync(join(tmpdir(), "heddle-validate-"));
  const file = join(directory, "route.json");
  writeFileSync(file, JSON.stringify(wrong));
  const { code, stdout } = await runHeddle(["validate", file, "-o", "json"]);
  rmSync(directory, { recursive: true });
  assert.equal(code, 1);
  const problem = (JSON.parse(stdout) as readonly Problem[]).find(({ field }) => field?.includes("path"));
  const refused = await cluster.tryKubectl(["create", "-f", "-"], JSON.stringify(wrong));
  assert.notEqual(refused.code, 0);
  assert.ok(refused.stderr.includes(problem?.message ?? "?"), `${refused.stderr}\n${stdout}`);

  await cluster.apply([
    route("lost", { matches: [{ path: { value: "/lost" } }], backendRefs: [{ name: "nobody", port: 80 }] }),
  ]);
  await until(async () => {
    const resolved = (await statusOf("httproute", "lost"))?.conditions.find(
      ({ type }) => type === "ResolvedRefs",
    );
    return resolved?.status === "False" && resolved.message.includes("nobody");
  }, "the status of a route whose Service is missing");
  assert.match(await heddle.succeeds("status", "-n", namespace), /lost/);
});

testPolicies(() => ({ heddle, cluster, meshed: namespace, outside }));
