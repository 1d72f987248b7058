// What DestinationRules say about connections, endpoints and encryption, through real sidecars.
import assert from "node:assert/strict";
import { get } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import { APPS, type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, deployment, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { SeenTls } from "./apps/tls-echo.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly json?: {
    readonly headers: Readonly<Record<string, string>>;
    readonly httpVersion: string;
    readonly remoteAddress: string;
  };
  readonly text?: string;
}

const namespace = "shop";
const http = [{ name: "http", port: 80, targetPort: 8080 }];

function locality(region: string, zone: string) {
  return { "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": zone };
}

/** An application of a group, which services choose by. */
function member(group: string, name: string, labels: Readonly<Record<string, string>> = {}): object {
  return echo(name, ["--http", "8080", "--name", name], 8080, { namespace, labels: { group, ...labels } });
}

function groupService(name: string, group: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { group }, ports: http, ...spec },
  };
}

function rule(name: string, trafficPolicy: object, more: object = {}): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: name.replaceAll(".", "-"), namespace },
    spec: { host: name, trafficPolicy, ...more },
  };
}

function hashed(name: string, consistentHash: object): readonly object[] {
  return [groupService(name, "near"), rule(name, { loadBalancer: { consistentHash } })];
}

function secret(name: string, of: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: of }, stringData };
}

/** A server outside the mesh with a certificate of its own. */
function tlsServer(name: string, ...flags: readonly string[]): object {
  const flagsOfAll = ["--port", "8443", "--directory", "/certificates"];
  return deployment(name, ["node", join(APPS, "tls-echo.ts"), ...flagsOfAll, ...flags], {
    namespace: "outside",
    container: {
      readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
      volumeMounts: [{ name: "certificates", mountPath: "/certificates" }],
    },
    spec: { volumes: [{ name: "certificates", secret: { secretName: "server" } }] },
  });
}

const toTls = [{ name: "http", port: 80, targetPort: 8443 }];

const authority = await createAuthority();
const stranger = await createAuthority("stranger");

async function certificates(): Promise<readonly object[]> {
  const pair = async (by: TestAuthority, dns: readonly string[]) => {
    const { chain, key } = await by.issue({ dns });
    return { "tls.crt": chain, "tls.key": key };
  };
  return [
    secret("server", "outside", {
      ...(await pair(authority, ["secure.outside", "unready.outside", "mutual.example.com"])),
      "ca.crt": authority.root,
    }),
    secret("roots-cacert", namespace, { "ca.crt": authority.root }),
    secret("stranger", namespace, { "ca.crt": stranger.root }),
    secret("client", namespace, {
      ...(await pair(authority, ["client.example.com"])),
      "ca.crt": authority.root,
    }),
  ];
}

/** The same server, which has no sidecar and so sees the connections, by names with pools of their own. */
const pools = [
  { name: "idle", pool: { http: { idleTimeout: "200ms" } } },
  { name: "idle-by-tcp", pool: { tcp: { idleTimeout: "200ms" } } },
  { name: "old", pool: { tcp: { maxConnectionDuration: "200ms" } } },
  { name: "kept", pool: { tcp: { tcpKeepalive: { time: "7s" } } } },
  { name: "streams", pool: { http: { h2UpgradePolicy: "UPGRADE", maxConcurrentStreams: 1 } } },
] as const;

let mesh: Mesh;

before(async () => {
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      client("web", { namespace, labels: locality("eu", "a") }),
      member("near", "near-a", locality("eu", "a")),
      member("near", "near-b", locality("eu", "b")),
      member("near", "near-us", locality("us", "c")),
      member("warm", "warm-a"),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "outside" } },
      echo("plain", ["--http", "8080", "--name", "plain"], 8080, { namespace: "outside" }),
      service("plain", http, { namespace: "outside" }),
      ...pools.map(({ name }) => service(name, http, { namespace: "outside", app: "plain" })),
      {
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        metadata: { name: "nobody", namespace },
        spec: {
          hosts: ["nobody.example.com"],
          addresses: ["203.0.113.7"],
          ports: [{ number: 80, name: "http", protocol: "HTTP" }],
          resolution: "STATIC",
          endpoints: [{ address: "10.244.255.254" }],
        },
      },
      tlsServer("secure"),
      tlsServer("mutual", "--mutual"),
      service("secure", toTls, { namespace: "outside" }),
      service("distrusted", toTls, { namespace: "outside", app: "secure" }),
      service("unready", toTls, { namespace: "outside", app: "secure" }),
      service("mutual", toTls, { namespace: "outside" }),
    ],
    "certificates.yaml": await certificates(),
    "rules.yaml": [
      groupService("limited", "near"),
      rule("limited", {
        connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } },
      }),
      groupService("ejecting", "near"),
      rule("ejecting", {
        loadBalancer: { simple: "ROUND_ROBIN", localityLbSetting: { enabled: false } },
        outlierDetection: {
          consecutive5xxErrors: 2,
          interval: "500ms",
          baseEjectionTime: "3s",
          maxEjectionPercent: 50,
        },
      }),
      ...hashed("by-header", { httpHeaderName: "x-user" }),
      ...hashed("by-query", { httpQueryParameterName: "user", maglev: { tableSize: 251 } }),
      ...hashed("by-source", { useSourceIp: true }),
      ...hashed("by-cookie", { httpCookie: { name: "visitor", ttl: "60s" } }),
      groupService("failing-over", "near"),
      rule("failing-over", {
        outlierDetection: {
          consecutive5xxErrors: 1,
          interval: "500ms",
          baseEjectionTime: "60s",
          maxEjectionPercent: 100,
        },
      }),
      groupService("zoned", "near"),
      rule("zoned", {
        loadBalancer: { zoneAwareLbSetting: { minClusterSize: 1, failover: [{ from: "eu", to: "us" }] } },
        outlierDetection: {
          consecutive5xxErrors: 1,
          interval: "500ms",
          baseEjectionTime: "60s",
          maxEjectionPercent: 100,
        },
      }),
      groupService("distributed", "near"),
      rule("distributed", {
        loadBalancer: {
          localityLbSetting: { distribute: [{ from: "eu/a/*", to: { "eu/*": 80, "us/c/*": 20 } }] },
        },
      }),
      groupService("close", "near", { trafficDistribution: "PreferSameZone" }),
      groupService("chosen", "near"),
      rule("chosen", {}, { subsets: [{ name: "us", labels: locality("us", "c") }] }),
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "chosen", namespace },
        spec: { hosts: ["chosen"], http: [{ route: [{ destination: { host: "chosen", subset: "us" } }] }] },
      },
      groupService("warm", "warm"),
      rule("warm", { loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "60s" } } }),
      groupService("dialled", "near"),
      rule("dialled", { loadBalancer: { simple: "PASSTHROUGH" } }),
      groupService("upgraded", "near"),
      rule("upgraded", { connectionPool: { http: { h2UpgradePolicy: "UPGRADE" } } }),
      rule("plain.outside.svc.cluster.local", { connectionPool: { http: { maxRequestsPerConnection: 1 } } }),
      ...pools.map(({ name, pool }) => rule(`${name}.outside.svc.cluster.local`, { connectionPool: pool })),
      rule("nobody.example.com", { connectionPool: { tcp: { connectTimeout: "200ms" } } }),
      rule("secure.outside.svc.cluster.local", { tls: { mode: "SIMPLE", credentialName: "roots" } }),
      rule("distrusted.outside.svc.cluster.local", {
        tls: { mode: "SIMPLE", credentialName: "stranger", sni: "secure.outside" },
      }),
      rule("unready.outside.svc.cluster.local", { tls: { mode: "SIMPLE", credentialName: "missing" } }),
      rule("mutual.outside.svc.cluster.local", {
        tls: {
          mode: "MUTUAL",
          credentialName: "client",
          sni: "mutual.example.com",
          subjectAltNames: ["mutual.example.com"],
        },
      }),
    ],
  });
  // Known for longer than a warmup when it gets company.
  await calls("http://warm/");
});
after(() => mesh.close());

function calls(url: string, ...flags: readonly string[]): Promise<readonly Answer[]> {
  return callsFrom<Answer>(mesh, { deployment: "web", namespace }, url, flags);
}

function inWeb(command: readonly string[]) {
  return mesh.exec("deploy/web", command, { namespace, container: "web" });
}

/** Calls at the same time: the status of each. */
async function together(count: number, url: string): Promise<readonly number[]> {
  const script = `Promise.all(Array.from({ length: ${count} }, () => fetch("${url}").then((r) => r.status)))
    .then((all) => console.log(JSON.stringify(all)))`;
  return JSON.parse((await inWeb(["node", "-e", script])).stdout) as readonly number[];
}

function nameOf({ headers }: Answer): string {
  return String(headers?.["x-echo-name"] ?? "none");
}

function counted(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[nameOf(answer)] = (counts[nameOf(answer)] ?? 0) + 1;
  return counts;
}

const all = ["near-a", "near-b", "near-us"];

/** What the control plane tells Prometheus. */
function metrics(): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ socketPath: mesh.state.controlPlaneSocket, path: "/metrics" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

suite("a connection pool", () => {
  test("answers what is beyond its limits with 503, and telemetry says UO", async () => {
    const statuses = await together(20, "http://limited/?delay=500");
    const refused = statuses.filter((status) => status === 503).length;
    // Each of two workers may have a connection.
    assert.ok(refused >= 10, `${refused} of 20 were refused`);
    assert.equal(statuses.filter((status) => status === 200).length, 20 - refused);
    await until(
      async () =>
        (await metrics())
          .split("\n")
          .some((line) => line.includes('response_flags="UO"') && line.includes("limited")),
      "the flag in the metrics",
    );
  });

  test("ends a connection after as many requests as it is told", async () => {
    const answers = await calls("http://plain.outside/", "--count", "5");
    assert.equal(new Set(answers.map(({ json }) => json?.remoteAddress)).size, 5);
  });

  test("ends a connection that nobody uses, or that is old", async () => {
    const ports = await Promise.all(
      ["idle", "idle-by-tcp", "old", "kept"].map(async (name) => {
        const answers = await calls(`http://${name}.outside/`, "--count", "2", "--interval", "1000");
        return new Set(answers.map(({ json }) => json?.remoteAddress)).size;
      }),
    );
    assert.deepEqual(ports, [2, 2, 2, 1]);
    const { stdout } = await inWeb(["ss", "-tno"]);
    assert.match(stdout, /timer:\(keepalive/);
  });

  test("gives a connection no more streams than it is told", async () => {
    const script = `const get = () => fetch("http://streams.outside/?delay=500").then((r) => r.json());
      console.log(JSON.stringify(await Promise.all(Array.from({ length: 8 }, get))))`;
    const { stdout } = await inWeb(["node", "--input-type=module", "-e", script]);
    const answers = JSON.parse(stdout) as readonly NonNullable<Answer["json"]>[];
    assert.deepEqual([...new Set(answers.map(({ httpVersion }) => httpVersion))], ["2.0"]);
    // Each of two workers would have one connection, if a connection could have many streams.
    assert.ok(new Set(answers.map(({ remoteAddress }) => remoteAddress)).size > 2);
  });

  test("waits for a connection no longer than it is told", async () => {
    const [answer] = await calls("http://203.0.113.7/");
    assert.equal(answer?.status, 503);
    assert.match(answer.text ?? "", /connection timeout/);
  });

  test("speaks HTTP/2 where it is told to", async () => {
    const [answer] = await calls("http://upgraded/");
    assert.equal(answer?.json?.httpVersion, "2.0");
    const [other] = await calls("http://limited/");
    assert.equal(other?.json?.httpVersion, "1.1");
  });
});

test("an endpoint that answers 5xx is ejected, is seen to be, and comes back", async () => {
  // On a busy machine it may be back before it is looked at; then it fails again.
  const failing = () => calls("http://ejecting/?fails=near-b", "--count", "30");
  await until(async () => {
    const answers = await failing();
    const others = Object.keys(counted(answers)).sort().join();
    return others === "near-a,near-us" && answers.every(({ status }) => status === 200);
  }, "its ejection");
  await until(async () => {
    await failing();
    const { stdout } = await mesh.heddle("proxy-config", "-n", namespace, "deploy/web", "endpoints");
    const shown = stdout
      .split("\n")
      .filter((line) => line.includes("|ejecting.") || line.includes("||ejecting"));
    return shown.filter((line) => line.includes("UNHEALTHY")).length === 1;
  }, "the ejection to be shown");
  const page =
    'fetch("http://127.0.0.1:15000/stats?filter=ejections").then((r) => r.text()).then(console.log)';
  const stats = await inWeb(["node", "-e", page]);
  assert.match(
    stats.stdout,
    /ejecting\.shop\.svc\.cluster\.local\.outlier_detection\.ejections_enforced_total: [1-9]/,
  );
  await until(
    async () => Object.keys(counted(await calls("http://ejecting/", "--count", "30"))).length === 3,
    "its return",
  );
});

suite("a consistent hash", () => {
  /** Who answers each of these requests, which one process makes one after the other; each is a path and headers. */
  async function answerers(
    url: string,
    requests: readonly (readonly [path: string, headers?: Readonly<Record<string, string>>])[],
  ): Promise<readonly string[]> {
    const script = `const names = [];
      for (const [path, headers] of ${JSON.stringify(requests)}) {
        const response = await fetch("${url}" + path, { headers });
        await response.text();
        names.push(response.headers.get("x-echo-name"));
      }
      console.log(JSON.stringify(names))`;
    const { stdout } = await inWeb(["node", "--input-type=module", "-e", script]);
    return JSON.parse(stdout) as readonly string[];
  }

  const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);

  test("of a header sticks and spreads", async () => {
    const requests = users.map((user) => ["/", { "x-user": user }] as const);
    const names = await answerers("http://by-header", [...requests, ...requests]);
    assert.deepEqual(names.slice(20), names.slice(0, 20));
    assert.deepEqual([...new Set(names)].sort(), all);
  });

  test("of a query parameter sticks and spreads", async () => {
    const requests = users.map((user) => [`/?user=${user}`] as const);
    const names = await answerers("http://by-query", [...requests, ...requests]);
    assert.deepEqual(names.slice(20), names.slice(0, 20));
    assert.deepEqual([...new Set(names)].sort(), all);
  });

  test("of the source's address sticks", async () => {
    const names = await answerers(
      "http://by-source",
      users.map(() => ["/"]),
    );
    assert.equal(new Set(names).size, 1);
  });

  test("of a cookie sticks to the cookie that the proxy makes", async () => {
    // Each on a connection of its own, for each is a visitor of its own.
    const script = `const visit = () => fetch("http://by-cookie/?delay=200").then((r) => [
        r.headers.get("x-echo-name"),
        (r.headers.get("set-cookie") ?? "").split(";")[0],
      ]);
      console.log(JSON.stringify(await Promise.all(Array.from({ length: 20 }, visit))))`;
    const { stdout } = await inWeb(["node", "--input-type=module", "-e", script]);
    const visits = JSON.parse(stdout) as readonly (readonly [name: string, cookie: string])[];
    assert.ok(visits.every(([, cookie]) => /^visitor=./.test(cookie)));
    assert.ok(new Set(visits.map(([name]) => name)).size > 1);
    const later = await answerers(
      "http://by-cookie",
      visits.map(([, cookie]) => ["/", { cookie }]),
    );
    assert.deepEqual(
      later,
      visits.map(([name]) => name),
    );
  });
});

suite("a client", () => {
  test("goes to its own zone, and to the next one when that fails", async () => {
    assert.deepEqual(counted(await calls("http://failing-over/", "--count", "20")), { "near-a": 20 });
    await calls("http://failing-over/?fails=near-a", "--count", "5");
    const isNext = async () => counted(await calls("http://failing-over/", "--count", "20"))["near-b"] === 20;
    await until(isNext, "the next zone");
  });

  test("goes to its own zone as far as that can serve it, then stays in its region, then leaves it", async () => {
    for (const name of all) {
      const isAlone = async () => counted(await calls("http://zoned/", "--count", "20"))[name] === 20;
      await until(isAlone, `requests at ${name} alone`);
      await calls(`http://zoned/?fails=${name}`, "--count", "5");
    }
  });

  test("goes to localities by their shares", async () => {
    const { "near-us": far = 0, ...near } = counted(await calls("http://distributed/", "--count", "500"));
    // A fifth, and five standard deviations.
    assert.ok(far > 55 && far < 145, `${far} of 500 went to the other region`);
    assert.deepEqual(Object.keys(near).sort(), ["near-a", "near-b"]);
  });

  test("goes to its own zone where the service prefers that", async () => {
    assert.deepEqual(counted(await calls("http://close/", "--count", "20")), { "near-a": 20 });
  });

  test("goes to everybody where nothing is said", async () => {
    // The slower ones get less.
    const seen = new Set<string>();
    await until(async () => {
      for (const answer of await calls("http://upgraded/", "--count", "50")) seen.add(nameOf(answer));
      return all.every((name) => seen.has(name));
    }, "everybody");
  });

  test("goes to the subset that it is sent to", async () => {
    assert.deepEqual(counted(await calls("http://chosen/", "--count", "10")), { "near-us": 10 });
  });

  test("goes where it has dialled, encrypted, where the rule leaves it to the address", async () => {
    const answers = await calls("http://dialled/", "--count", "5");
    assert.ok(answers.every(({ status }) => status === 200));
    assert.match(answers[0]?.json?.headers["x-forwarded-client-cert"] ?? "", /spiffe:\/\//);
  });
});

suite("TLS of the server's own", () => {
  async function seen(url: string): Promise<SeenTls> {
    const [answer] = await calls(url);
    assert.equal(answer?.status, 200, JSON.stringify(answer));
    return answer.json as unknown as SeenTls;
  }

  test("is opened by the client's proxy, with the host of the request as the name", async () => {
    const { serverName, client: name, headers } = await seen("http://secure.outside/");
    assert.equal(serverName, "secure.outside");
    assert.equal(name, "");
    assert.deepEqual(
      Object.keys(headers).filter((header) => header.startsWith("x-heddle")),
      [],
    );
    assert.equal((await seen("h2://secure.outside:80/")).httpVersion, "2.0");
  });

  test("shows the client's certificate where the rule has one", async () => {
    const { serverName, client: name } = await seen("http://mutual.outside/");
    assert.equal(serverName, "mutual.example.com");
    assert.match(name, /client\.example\.com/);
  });

  test("is refused where another authority is trusted", async () => {
    const [answer] = await calls("http://distrusted.outside/");
    assert.equal(answer?.status, 503);
  });

  test("without its certificates answers 503 at once, and is told; with them it works", async () => {
    const [answer] = await calls("http://unready.outside/");
    assert.equal(answer?.status, 503);
    const problems = await mesh.problems();
    assert.ok(
      problems.some(
        ({ message, object }) => message.includes("missing") && object?.name.startsWith("unready"),
      ),
      JSON.stringify(problems),
    );
    mesh.write("late.yaml", secret("missing", namespace, { "ca.crt": authority.root }));
    await until(
      async () => (await calls("http://unready.outside/"))[0]?.status === 200,
      "an answer by the Secret that came late",
    );
  });
});

test("an endpoint that is new gets less than its share at first", async () => {
  mesh.write("company.yaml", member("warm", "warm-b"));
  await mesh.ready("warm-b");
  await until(
    async () => (await calls("http://warm/", "--count", "40")).some((a) => nameOf(a) === "warm-b"),
    "it",
  );
  const { "warm-b": fresh = 0 } = counted(await calls("http://warm/", "--count", "200"));
  assert.ok(
    fresh > 0 && fresh < 80,
    `${fresh} of 200 went to the new one, which would get 100 for its share`,
  );
});
