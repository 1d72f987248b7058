// Where connections go by TCPRoutes, TLSRoutes and VirtualServices, through real sidecars.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Certificate, createAuthority } from "#test/helpers/certificates.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, echo, meshedNamespace } from "#test/helpers/workloads.ts";

interface Answer {
  readonly ok: boolean;
  readonly json?: { readonly greeting?: string; readonly name?: string };
  readonly text?: string;
  readonly error?: string;
  readonly ms: number;
}

const namespace = "shop";
const legacy = "legacy";

const ports = [
  { name: "tcp", port: 2525 },
  // Of which nothing is declared.
  { name: "any", port: 8080 },
  // TLS of the application's own, and TLS that has to be found out.
  { name: "tls", port: 8443 },
  { name: "mystery", port: 9443 },
];
const names = ["a.shop.example", "b.shop.example", "c.shop.example", "d.e.example"];

function service(name: string, selector: object, own = namespace): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: own }, spec: { selector, ports } };
}

function server(name: string, tls: Certificate, own = namespace): object {
  const ownPorts = ["--greet", "2525", "--http", "8080", "--tls", "8443", "--tls", "9443"];
  const flags = [...ownPorts, "--name", name];
  const env = [
    { name: "TLS_CHAIN", value: tls.chain },
    { name: "TLS_KEY", value: tls.key },
  ];
  const labels = { group: "db", version: name };
  return echo(`db-${name}`, flags, 8080, {
    namespace: own,
    labels,
    container: { env },
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

function tlsRoute(
  name: string,
  to: string,
  hostnames: readonly string[],
  backends: readonly object[],
): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "TLSRoute",
    metadata: { name, namespace },
    spec: {
      parentRefs: [
        { group: "", kind: "Service", name: to, port: 8443 },
        { group: "", kind: "Service", name: to, port: 9443 },
      ],
      hostnames,
      rules: [{ backendRefs: backends }],
    },
  };
}

function limited(host: string, tcp: object): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: host, namespace },
    spec: { host, trafficPolicy: { connectionPool: { tcp } } },
  };
}

const backend = (name: string, weight: number, port = 2525) => ({ name: `db-${name}`, port, weight });

let mesh: Mesh;

before(async () => {
  const authority = await createAuthority();
  const tls = await authority.issue({ dns: names });
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: legacy } },
      server("v1", tls),
      server("v2", tls),
      server("old", tls, legacy),
      ...["split", "half", "orders", "edited", "mixed", "named", "vault", "idle", "aged"].map((name) =>
        service(name, { group: "db" }),
      ),
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
    "tls.yaml": [
      tlsRoute("first", "named", ["a.shop.example"], [backend("v1", 1, 8443)]),
      tlsRoute("others", "named", ["*.shop.example"], [backend("v1", 50, 8443), backend("v2", 50, 8443)]),
      // The more specific kind goes first.
      tcpRoute("named", [backend("v1", 1)], 8443),
    ],
    "istio.yaml": [
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "vault", namespace },
        spec: {
          hosts: ["vault", "a.shop.example", "*.e.example"],
          tls: [
            {
              match: [{ port: 8443, sniHosts: ["a.shop.example"], sourceLabels: { team: "blue" } }],
              route: [{ destination: { host: "db-v2", port: { number: 9443 } } }],
            },
            {
              match: [{ port: 8443, sniHosts: ["a.shop.example", "*.e.example"] }],
              route: [{ destination: { host: "db-v1", port: { number: 8443 } } }],
            },
          ],
          tcp: [
            { match: [{ port: 8443 }], route: [{ destination: { host: "db-v2", port: { number: 8443 } } }] },
          ],
        },
      },
      {
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: "orders", namespace },
        spec: {
          host: "orders",
          subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
        },
      },
      limited("idle", { idleTimeout: "2s" }),
      limited("aged", { maxConnectionDuration: "1s" }),
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

function calls(url: string, from = "web", ...flags: readonly string[]): Promise<readonly Answer[]> {
  return callsFrom<Answer>(mesh, { deployment: from, namespace }, url, flags);
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
  const deviation = 5 * Math.sqrt(expected * (1 - share));
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
    // Who waits for the end of a look-up waits for five seconds; a busy machine makes single ones long.
    assert.ok(refused.filter(({ ms }) => ms < 4_000).length > refused.length / 2);
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
    await until(async () => (await serversOf("greet://edited:2525", 10))["v2"] === 10, "the new route");
    mesh.write("edited.yaml", tcpRoute("edited", [backend("v1", 1), backend("v2", 1)]));
    await until(async () => (await serversOf("greet://edited:2525", 4))["v1"] !== undefined, "the split");
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

/** Which servers answer TLS that asks for a name, and what name they are asked for. */
async function tlsServers(
  to: string,
  sni: string,
  { count = 4, from = "web", port = 8443 } = {},
): Promise<readonly string[]> {
  const answers = await calls(
    `tls://${to}:${port}`,
    from,
    "--sni",
    sni,
    "--body",
    "hello",
    "--count",
    String(count),
  );
  return [...new Set(answers.map(({ ok, text = "" }) => (ok ? text : "refused")))].sort();
}

suite("a TLSRoute", () => {
  test("tells names apart, on a first connection and later", async () => {
    assert.deepEqual(await tlsServers("named", "a.shop.example"), ["v1 a.shop.example hello"]);
    assert.deepEqual(await tlsServers("named", "a.shop.example", { port: 9443 }), [
      "v1 a.shop.example hello",
    ]);
    for (const port of [8443, 9443]) {
      assert.deepEqual(await tlsServers("named", "b.shop.example", { port, count: 20 }), [
        "v1 b.shop.example hello",
        "v2 b.shop.example hello",
      ]);
    }
  });

  test("lets no other name pass, and nothing that is not TLS", async () => {
    assert.deepEqual(await tlsServers("named", "shop.example"), ["refused"]);
    assert.deepEqual(await tlsServers("named", ""), ["refused"]);
    const [plain] = await calls("tcp://named:8443", "web", "--body", "hello");
    assert.equal(plain?.ok, false);
  });

  test("goes before a TCPRoute, which is told so", async () => {
    const problems = (await mesh.problems()).filter(({ object }) => object?.name === "named");
    assert.deepEqual(
      problems.map(({ reason }) => reason),
      ["Conflicted"],
    );
    assert.match(
      problems[0]?.message ?? "",
      /TLSRoute shop\/(first|others) is attached to it and goes first/,
    );
  });
});

suite("tls of a VirtualService", () => {
  test("tells names and clients apart", async () => {
    assert.deepEqual(await tlsServers("vault", "a.shop.example"), ["v1 a.shop.example hello"]);
    assert.deepEqual(await tlsServers("vault", "d.e.example"), ["v1 d.e.example hello"]);
    assert.deepEqual(await tlsServers("vault", "a.shop.example", { from: "blue" }), [
      "v2 a.shop.example hello",
    ]);
  });

  test("leaves other names to tcp, and other ports to the service", async () => {
    assert.deepEqual(await tlsServers("vault", "c.shop.example"), ["v2 c.shop.example hello"]);
    assert.deepEqual(await tlsServers("vault", "a.shop.example", { port: 9443, count: 20 }), [
      "v1 a.shop.example hello",
      "v2 a.shop.example hello",
    ]);
  });
});

suite("a DestinationRule ends connections", { concurrency: true }, () => {
  /** Whether a connection to a host is closed, and what one beside it is then to which nothing happens. */
  async function endOf(host: string, sayEveryMs: number): Promise<string> {
    const program = `const { connect } = require("node:net");
      const other = connect(2525, "split", () => {
        const socket = connect(2525, "${host}");
        if (${sayEveryMs} > 0) setInterval(() => socket.write("x"), ${sayEveryMs});
        const say = (what) => { console.log(what, other.readyState); process.exit(); };
        for (const each of [socket, other]) each.on("error", () => {}).resume();
        socket.on("close", () => say("closed"));
        setTimeout(() => say("open"), 60000);
      });`;
    const command = ["node", "-e", program];
    return (await mesh.exec("deploy/web", command, { namespace, container: "web" })).stdout.trim();
  }

  test("that nobody uses", async () => {
    assert.equal(await endOf("idle", 0), "closed open");
  });

  test("and loses nothing of those that are used, nor their halves", async () => {
    const program = `const socket = require("node:net").connect({ port: 2525, host: "idle", allowHalfOpen: true });
      let got = 0;
      socket.on("data", ({ length }) => (got += length)).on("end", () => console.log(got)).end("x".repeat(3e6));`;
    const { stdout, stderr } = await mesh.exec("deploy/web", ["node", "-e", program], {
      namespace,
      container: "web",
    });
    assert.equal(Number(stdout), 3e6 + "220 v1 ready\r\n".length, stderr);
  });

  test("that are too old, whether somebody uses them or not", async () => {
    assert.equal(await endOf("aged", 100), "closed open");
  });
});

test("connections are encrypted, also those that a route sends elsewhere and those that are limited", async () => {
  await until(async () => {
    for (const from of ["web", "blue"]) {
      for (const host of ["orders", "idle"]) await serversOf(`greet://${host}:2525`, 1, from);
    }
    const rows = JSON.parse((await mesh.heddle("stat", "-n", namespace, "-o", "json")).stdout) as readonly {
      readonly source: { readonly workload: string };
      readonly destination: { readonly service: string };
      readonly protocol: string;
      readonly mtls: boolean;
    }[];
    const edges = rows
      .filter(({ protocol }) => protocol === "tcp")
      .map(({ source, destination, mtls }) => `${source.workload} ${destination.service} ${mtls}`);
    const expected = ["web", "blue"].flatMap((from) => [`${from} orders true`, `${from} idle true`]);
    return (
      expected.every((edge) => edges.includes(edge)) && edges.every((edge) => !/unknown|later/.test(edge))
    );
  }, "edges with mutual TLS");
});
