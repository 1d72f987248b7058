// Where connections go by TCPRoutes, TLSRoutes and VirtualServices, through real sidecars.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace } from "#test/helpers/workloads.ts";

interface Answer {
  readonly ok: boolean;
  readonly json?: { readonly greeting?: string; readonly name?: string };
  readonly error?: string;
  readonly ms: number;
}

const namespace = "shop";
const legacy = "legacy";

const ports = [
  { name: "tcp", port: 2525 },
  // Of which nothing is declared.
  { name: "any", port: 8080 },
];

function service(name: string, selector: object, own = namespace): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: own }, spec: { selector, ports } };
}

function server(name: string, own = namespace): object {
  const flags = ["--greet", "2525", "--http", "8080", "--name", name];
  const labels = { group: "db", version: name };
  return echo(`db-${name}`, flags, 8080, {
    namespace: own,
    labels,
    ...(own === namespace ? { spec: { serviceAccountName: `db-${name}` } } : {}),
  });
}

function tcpRoute(name: string, backends: readonly object[], port = 2525): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1alpha2",
    kind: "TCPRoute",
    metadata: { name, namespace },
    spec: {
      parentRefs: [{ group: "", kind: "Service", name, port }],
      rules: [{ backendRefs: backends }],
    },
  };
}

const backend = (name: string, weight: number, port = 2525) => ({ name: `db-${name}`, port, weight });

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: legacy } },
      server("v1"),
      server("v2"),
      server("old", legacy),
      ...["split", "half", "orders", "edited", "mixed", "both"].map((name) => service(name, { group: "db" })),
      service("db-v1", { version: "v1" }),
      service("db-v2", { version: "v2" }),
      service("db-old", { version: "old" }, legacy),
      client("web", { namespace }),
      client("blue", { namespace, labels: { team: "blue" } }),
    ],
    "split.yaml": [
      tcpRoute("split", [
        backend("v1", 60),
        backend("v2", 30),
        { ...backend("old", 10), namespace: legacy },
        { ...backend("v2", 0, 8080) },
      ]),
    ],
    "half.yaml": [tcpRoute("half", [backend("v1", 50), backend("v9", 50)])],
    "edited.yaml": [tcpRoute("edited", [backend("v1", 1)])],
    "mixed.yaml": [tcpRoute("mixed", [backend("v1", 50, 8080), backend("v2", 50, 8080)], 8080)],
    "istio.yaml": [
      {
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: "orders", namespace },
        spec: {
          host: "orders",
          subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
        },
      },
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "orders", namespace },
        spec: {
          hosts: ["orders"],
          tcp: [
            {
              match: [{ port: 2525, sourceLabels: { team: "blue" } }],
              route: [{ destination: { host: "orders", subset: "v2" } }],
            },
            {
              match: [{ destinationSubnets: ["192.0.2.0/24"] }],
              route: [{ destination: { host: "db-old.legacy.svc.cluster.local" } }],
            },
            {
              match: [{ port: 2525 }],
              route: [
                { destination: { host: "orders", subset: "v1" }, weight: 80 },
                { destination: { host: "orders", subset: "v2" }, weight: 20 },
              ],
            },
          ],
        },
      },
    ],
  });
});
after(() => mesh.close());

async function calls(url: string, from = "web", ...flags: readonly string[]): Promise<readonly Answer[]> {
  const { stdout, stderr } = await mesh.exec(`deploy/${from}`, call(url, ...flags), {
    namespace,
    container: from,
  });
  assert.notEqual(stdout, "", stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

/** How often each server answered; "refused" for connections that were closed without an answer. */
async function serversOf(
  url: string,
  count: number,
  from = "web",
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { ok, json } of await calls(url, from, "--count", String(count))) {
    const name = ok ? (json?.greeting?.split(" ")[1] ?? json?.name ?? "") : "refused";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function assertShare(count: number | undefined, of: number, share: number): void {
  const expected = of * share;
  const deviation = 4 * Math.sqrt(expected * (1 - share));
  assert.ok(Math.abs((count ?? 0) - expected) <= deviation, `${count} of ${of}, which should be ${expected}`);
}

suite("a TCPRoute", () => {
  test("splits connections by weight over services of several accounts, meshed and not", async () => {
    const servers = await serversOf("greet://split:2525", 400);
    assert.deepEqual(Object.keys(servers).sort(), ["old", "v1", "v2"]);
    assertShare(servers["v1"], 400, 0.6);
    assertShare(servers["v2"], 400, 0.3);
    assertShare(servers["old"], 400, 0.1);
  });

  test("refuses the share of a backend that does not exist, at once, and says so", async () => {
    const answers = await calls("greet://half:2525", "web", "--count", "200");
    const refused = answers.filter(({ ok }) => !ok);
    assertShare(refused.length, 200, 0.5);
    assert.ok(refused.every(({ ms }) => ms < 2_000));
    const problems = await mesh.problems();
    assert.ok(
      problems.some(
        ({ object, reason, file }) =>
          object?.kind === "TCPRoute" && reason === "BackendNotFound" && file?.endsWith("half.yaml"),
      ),
      JSON.stringify(problems),
    );
  });

  test("that is edited has effect on the next connections", async () => {
    assert.deepEqual(await serversOf("greet://edited:2525", 10), { v1: 10 });
    mesh.write("edited.yaml", tcpRoute("edited", [backend("v1", 0), backend("v2", 5)]));
    await until(async () => (await serversOf("greet://edited:2525", 1))["v2"] === 1, "the new route", 5_000);
    assert.deepEqual(await serversOf("greet://edited:2525", 10), { v2: 10 });
    mesh.write("edited.yaml", tcpRoute("edited", [backend("v1", 1), backend("v2", 1)]));
    await until(
      async () => (await serversOf("greet://edited:2525", 4))["v1"] !== undefined,
      "the split",
      5_000,
    );
    mesh.remove("edited.yaml");
  });

  test("holds for each request where connections turn out to be HTTP and nothing is said of requests", async () => {
    const servers = await serversOf("http://mixed:8080/", 200);
    assertShare(servers["v1"], 200, 0.5);
    assertShare(servers["v2"], 200, 0.5);
  });
});

suite("tcp of a VirtualService", () => {
  test("tells clients apart by their labels, and splits over subsets", async () => {
    assert.deepEqual(await serversOf("greet://orders:2525", 20, "blue"), { v2: 20 });
    const servers = await serversOf("greet://orders:2525", 200);
    assertShare(servers["v1"], 200, 0.8);
    assertShare(servers["v2"], 200, 0.2);
  });

  test("leaves a port alone that no rule is for", async () => {
    const servers = await serversOf("http://orders:8080/", 40, "blue");
    assert.deepEqual(Object.keys(servers).sort(), ["v1", "v2"]);
  });
});

test("connections that a route sends elsewhere are encrypted", async () => {
  await until(
    async () => {
      const rows = JSON.parse((await mesh.heddle("stat", "-n", namespace, "-o", "json")).stdout) as readonly {
        readonly source: { readonly workload: string };
        readonly destination: { readonly service: string };
        readonly protocol: string;
        readonly mtls: boolean;
      }[];
      const edges = rows
        .filter(({ protocol, destination }) => protocol === "tcp" && destination.service === "orders")
        .map(({ source, mtls }) => `${source.workload} ${mtls}`);
      return ["web true", "blue true"].every((edge) => edges.includes(edge));
    },
    "edges with mutual TLS",
    15_000,
  );
});
