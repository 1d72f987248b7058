// Hosts outside of the mesh, through real sidecars, real DNS and real servers in further networks. One call at a time:
// on a busy machine several keep each other from saying within a tenth of a second that they speak HTTP.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { regionLabel, zoneLabel } from "#model/locality.ts";
import type { Mesh } from "#test/helpers/mesh.ts";
import { type Outside, openOutside } from "#test/helpers/outside.ts";
import { callsFrom } from "#test/helpers/routes.ts";
import { until } from "#test/helpers/wait.ts";
import { client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import { egressGateway } from "#test/samples/ingress.ts";

const namespace = "shop";
const one = "198.51.100.10";
const two = "198.51.100.11";
const three = "198.51.100.12";
const privateHost = "10.77.0.20";
const egressHost = "istio-egressgateway.istio-system.svc.cluster.local";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: {
    readonly server?: string;
    readonly name?: string;
    readonly greeting?: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly text?: string;
  readonly error?: string;
  readonly ms: number;
}

function istio(kind: string, name: string, spec: object, where = namespace): object {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace: where }, spec };
}

const entry = (name: string, spec: object): object => istio("ServiceEntry", name, spec);
const http = (number = 80, more: object = {}) => ({
  number,
  name: `http-${number}`,
  protocol: "HTTP",
  ...more,
});
const tlsPort = (number = 443) => ({ number, name: `tls-${number}`, protocol: "TLS" });
const tcpPort = (number: number, more: object = {}) => ({
  number,
  name: `tcp-${number}`,
  protocol: "TCP",
  ...more,
});

/** A host that only proxies know, and how they are asked for it, by port. */
function tunnelled(name: string, address: string, ways: Readonly<Record<number, object>>): readonly object[] {
  const ports = Object.keys(ways).map(Number);
  const host = `${name}.example.com`;
  const subset = (port: number) => `${name}-${port}`;
  const proxy = (port: number) => ({
    destination: {
      host: "proxy.example.com",
      subset: subset(port),
      port: { number: port === 5433 ? 3129 : 3128 },
    },
  });
  return [
    entry(name, {
      hosts: [host],
      addresses: [address],
      ports: ports.map((port) => (port === 443 ? tlsPort() : tcpPort(port))),
      resolution: "DNS",
    }),
    istio("VirtualService", name, {
      hosts: [host],
      tcp: ports.filter((port) => port !== 443).map((port) => ({ match: [{ port }], route: [proxy(port)] })),
      tls: [{ match: [{ port: 443, sniHosts: [host] }], route: [proxy(443)] }],
    }),
    istio("DestinationRule", name, {
      host: "proxy.example.com",
      subsets: ports.map((port) => ({
        name: subset(port),
        trafficPolicy: { tunnel: { targetHost: host, targetPort: port, ...ways[port] } },
      })),
    }),
  ];
}

/** Answers as nobody else does, so that it shows that the host is known. */
function marked(name: string, host: string): object {
  return istio("VirtualService", name, {
    hosts: [host],
    http: [
      {
        route: [{ destination: { host }, headers: { response: { set: { "x-route": name } } } }],
        timeout: "5s",
      },
    ],
  });
}

function placed(name: string, spec: object): object {
  return istio("WorkloadEntry", name, { labels: { kind: "placed" }, ...spec });
}

let mesh: Mesh;
let outside: Outside;

before(async () => {
  outside = await openOutside();
  mesh = await outside.startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      client("web", { namespace, labels: { [regionLabel]: "here", [zoneLabel]: "near" } }),
      client("strict", { namespace }),
      client("plain"),
      echo("pod", ["--http", "8080", "--name", "pod"], 8080, { namespace, labels: { kind: "vm" } }),
      service("pod", [{ name: "http", port: 80, targetPort: 8080 }], { namespace }),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "alias", namespace },
        spec: {
          type: "ExternalName",
          externalName: "two.example.com",
          ports: [{ name: "http", port: 80 }],
        },
      },
      service("machines", [{ name: "http", port: 80, targetPort: 8080 }], { namespace, app: "machine" }),
    ],
    "entries.yaml": [
      entry("api", {
        hosts: ["api.example.com"],
        ports: [http(), http(8081, { targetPort: 80 })],
        resolution: "DNS",
      }),
      entry("private", { hosts: ["private.example.com"], ports: [http(), tlsPort()], resolution: "DNS" }),
      entry("secure", {
        hosts: ["secure.example.com"],
        ports: [tlsPort(), tlsPort(8443)],
        resolution: "DNS",
      }),
      entry("two", { hosts: ["two.example.com"], ports: [http()], resolution: "DNS" }),
      entry("first", { hosts: ["first.example.com"], ports: [http()], resolution: "DNS_ROUND_ROBIN" }),
      entry("wild", {
        hosts: ["*.wild.example.com"],
        ports: [http(), tlsPort()],
        resolution: "DYNAMIC_DNS",
      }),
      entry("static", {
        hosts: ["static.example.com"],
        addresses: ["203.0.113.7"],
        ports: [http(80), tcpPort(7000, { targetPort: 9000 })],
        resolution: "STATIC",
        endpoints: [{ address: one, ports: { "http-80": 80 } }],
      }),
      entry("weights", {
        hosts: ["weights.example.com"],
        addresses: ["203.0.113.8"],
        ports: [http()],
        resolution: "STATIC",
        endpoints: [
          { address: one, weight: 1 },
          { address: two, weight: 9 },
        ],
      }),
      entry("range", {
        hosts: ["range.example.com"],
        addresses: ["198.51.100.64/26"],
        ports: [tcpPort(9000), http(80)],
        resolution: "NONE",
      }),
      entry("named", {
        hosts: ["named.example.com"],
        addresses: ["203.0.113.9"],
        ports: [http()],
        resolution: "DNS",
        endpoints: [{ address: "two.example.com" }],
      }),
      entry("vms", {
        hosts: ["vms.example.com"],
        addresses: ["203.0.113.10"],
        location: "MESH_INTERNAL",
        ports: [http(80, { targetPort: 8080 })],
        resolution: "STATIC",
        workloadSelector: { labels: { kind: "vm" } },
      }),
      istio("WorkloadEntry", "machine", { address: two, ports: { "http-80": 80 }, labels: { kind: "vm" } }),
      istio("WorkloadEntry", "selected", { address: one, ports: { http: 80 }, labels: { app: "machine" } }),
      entry("encrypted", {
        hosts: ["encrypted.example.com"],
        ports: [http(80, { targetPort: 8444 })],
        resolution: "DNS",
      }),
      // By default the quicker endpoint gets more than its weight.
      istio("DestinationRule", "in-turns", {
        host: "*.example.com",
        trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } },
      }),
      istio("DestinationRule", "encrypted", {
        host: "encrypted.example.com",
        trafficPolicy: { tls: { mode: "SIMPLE", insecureSkipVerify: true } },
      }),
      entry("proxy", {
        hosts: ["proxy.example.com"],
        ports: [http(3128), { ...http(3129), protocol: "HTTP2" }],
        resolution: "DNS",
      }),
      ...tunnelled("behind", "203.0.113.20", { 443: {}, 5432: {}, 5433: {}, 5434: { protocol: "POST" } }),
      entry("idle", {
        hosts: ["idle.example.com"],
        addresses: ["198.51.100.71"],
        ports: [tcpPort(9001, { targetPort: 9000 })],
        resolution: "NONE",
      }),
      istio("DestinationRule", "idle", {
        host: "idle.example.com",
        trafficPolicy: { connectionPool: { tcp: { idleTimeout: "1s" } } },
      }),
      entry("open", { hosts: ["open.example.com"], ports: [tcpPort(9443)], resolution: "DNS" }),
    ],
    "egress.yaml": [
      ...egressGateway,
      entry("egress", {
        hosts: ["egress.example.com"],
        ports: [http(), { number: 443, name: "https", protocol: "HTTPS", targetPort: 8444 }],
        resolution: "DNS",
      }),
      istio("Gateway", "istio-egressgateway", {
        selector: { istio: "egressgateway" },
        servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["egress.example.com"] }],
      }),
      istio("DestinationRule", "egressgateway", { host: egressHost, subsets: [{ name: "egress" }] }),
      istio("VirtualService", "egress", {
        hosts: ["egress.example.com"],
        gateways: ["istio-egressgateway", "mesh"],
        http: [
          {
            match: [{ gateways: ["mesh"], port: 80 }],
            route: [{ destination: { host: egressHost, subset: "egress", port: { number: 80 } } }],
          },
          {
            match: [{ gateways: ["istio-egressgateway"], port: 80 }],
            route: [{ destination: { host: "egress.example.com", port: { number: 443 } } }],
          },
        ],
      }),
      istio("DestinationRule", "originate-tls", {
        host: "egress.example.com",
        trafficPolicy: {
          portLevelSettings: [{ port: { number: 443 }, tls: { mode: "SIMPLE", insecureSkipVerify: true } }],
        },
      }),
    ],
    "routes.yaml": [
      marked("api", "api.example.com"),
      marked("private", "private.example.com"),
      marked("wild", "*.wild.example.com"),
      marked("static", "static.example.com"),
      istio("VirtualService", "portal", {
        hosts: ["portal.example.org"],
        http: [
          { match: [{ uri: { prefix: "/pod" } }], route: [{ destination: { host: "pod" } }] },
          { match: [{ uri: { prefix: "/alias" } }], route: [{ destination: { host: "alias" } }] },
        ],
      }),
      istio("Sidecar", "strict", {
        workloadSelector: { labels: { app: "strict" } },
        egress: [{ hosts: ["./*", "*/*"] }],
        outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      }),
    ],
  });
  outside.names({
    "api.example.com": [one],
    "private.example.com": [privateHost],
    "secure.example.com": [one],
    "two.example.com": [one, two],
    "first.example.com": [two],
    "*.wild.example.com": [two],
    "unknown.example.com": [one],
    "open.example.com": [two],
    "encrypted.example.com": [one],
    "egress.example.com": [one],
    "later.example.com": [one],
    "proxy.example.com": [three],
  });
  await outside.machine.tcp(9100, "the machine", "127.0.0.1");
  const proxy = await outside.host(three);
  await proxy.proxy(3128, 1, ["behind.example.com"]);
  await proxy.proxy(3129, 2, ["behind.example.com"]);
  const addresses = {
    [one]: [one, "198.51.100.70", "198.51.100.71"],
    [two]: [two],
    [privateHost]: [privateHost],
  };
  for (const [name, own] of Object.entries(addresses)) {
    const host = await outside.host(...own);
    await host.http(80, name);
    await host.http(8082, name);
    await host.tls(443, name, ["secure.example.com"]);
    await host.tls(8443, name, ["secure.example.com"]);
    await host.https(8444, name, ["encrypted.example.com"]);
    await host.tcp(9000, name);
    await host.tcp(9443, name);
  }
});
after(() => outside.close());

function calls(from: string, url: string, ...flags: readonly string[]): Promise<readonly Answer[]> {
  return callsFrom<Answer>(mesh, { deployment: from, namespace }, url, flags);
}

/** Who has answered, each once. */
function serversOf(answers: readonly Answer[]): readonly string[] {
  return [...new Set(answers.map(({ json }) => json?.server ?? json?.name ?? "nobody"))].sort();
}

async function ask(url: string, ...flags: readonly string[]): Promise<Answer> {
  const [answer] = await calls("web", url, ...flags);
  assert.ok(answer !== undefined);
  return answer;
}

async function askStrictly(url: string, ...flags: readonly string[]): Promise<Answer> {
  const [answer] = await calls("strict", url, ...flags);
  assert.ok(answer !== undefined);
  return answer;
}

suite("HTTP by Host", () => {
  for (const round of ["first", "later"]) {
    test(`a host outside has its routes, on the ${round} request`, async () => {
      const { status, headers, json } = await ask("http://api.example.com/a?b=c");
      assert.deepEqual([status, headers?.["x-route"], json?.server, json?.path], [200, "api", one, "/a?b=c"]);
      assert.equal(json?.headers?.host, "api.example.com");
      const helpers = Object.keys(json?.headers ?? {}).filter((name) => name.startsWith("x-heddle"));
      assert.deepEqual(helpers, []);
    });
    test(`and so does one with a private address, on the ${round} request`, async () => {
      const { status, headers, json } = await ask("http://private.example.com/");
      assert.deepEqual([status, headers?.["x-route"], json?.server], [200, "private", privateHost]);
      assert.equal(json?.headers?.host, "private.example.com");
      const helpers = Object.keys(json?.headers ?? {}).filter((name) => name.startsWith("x-heddle"));
      assert.deepEqual(helpers, []);
    });
    test(`a wildcard is looked up by DNS, on the ${round} request`, async () => {
      const { status, headers, json } = await ask(`http://${round}.wild.example.com/`);
      assert.deepEqual([status, headers?.["x-route"], json?.server], [200, "wild", two]);
    });
  }

  test("the Host decides, not the address; a port in it changes nothing", async () => {
    const { headers, json } = await ask(`http://${two}/`, "--header", "host: API.example.com:80");
    assert.deepEqual([headers?.["x-route"], json?.server], ["api", one]);
    const wild = await ask(`http://${privateHost}/`, "--header", "host: any.wild.example.com");
    assert.deepEqual([wild.headers?.["x-route"], wild.json?.server], ["wild", two]);
  });

  for (const [kind, address] of [
    ["public", one],
    ["private", privateHost],
  ])
    test(`a host that a VirtualService alone knows has its routes on port 80 of a ${kind} address`, async () => {
      const host = ["--header", "host: portal.example.org"];
      const { json } = await ask(`http://${address}/pod`, ...host);
      const seen = [json?.name, json?.headers?.host];
      assert.deepEqual(seen, ["pod", "portal.example.org"], JSON.stringify(json));
      assert.match(json?.headers?.["x-forwarded-client-cert"] ?? "", /URI=spiffe/);
      assert.equal((await ask(`http://${address}/other`, ...host)).status, 404);
      assert.equal((await ask(`http://${address}:8082/pod`, ...host)).json?.server, address);
    });

  test("a Service that is another name of a host is called, known to the strict, and sent to by routes", async () => {
    for (const host of ["alias", "alias.shop", "alias.shop.svc.cluster.local"]) {
      const { json } = await askStrictly(`http://${host}/`);
      assert.deepEqual([json?.headers?.host, [one, two].includes(json?.server ?? "")], [host, true]);
    }
    const routed = await ask(`http://${privateHost}/alias`, "--header", "host: portal.example.org");
    assert.ok([one, two].includes(routed.json?.server ?? ""), JSON.stringify(routed));
  });

  test("a targetPort is where the request arrives", async () => {
    const { status, json } = await ask("http://api.example.com:8081/");
    assert.deepEqual([status, json?.server, json?.headers?.host], [200, one, "api.example.com:8081"]);
  });

  test("the sidecar makes TLS where a DestinationRule says so, and the request keeps its Host", async () => {
    const { status, json } = await ask("http://encrypted.example.com/");
    assert.deepEqual([status, json?.server, json?.headers?.host], [200, one, "encrypted.example.com"]);
  });

  test("a gateway on the way out has the requests of the mesh, and makes TLS for the host", async () => {
    let answer = await ask("http://egress.example.com/a");
    // It has its clusters from the start, when DNS outside may not have been there yet.
    await until(async () => {
      answer = await ask("http://egress.example.com/a");
      return answer.status === 200;
    }, "the gateway to find the host");
    const { json } = answer;
    assert.deepEqual([json?.server, json?.headers?.host], [one, "egress.example.com"]);
    // Gateways say for whom they ask; sidecars do not.
    const [pod] = await mesh.podsOf("web");
    assert.equal(json?.headers?.["x-forwarded-for"], pod?.ip);
  });

  test("a client that is silent at first on a port that hosts outside have for HTTP speaks HTTP", async () => {
    const socket = `const socket=require("net").connect(80,"${one}",()=>setTimeout(()=>socket.write("GET /pod HTTP/1.1\\r\\nhost: portal.example.org\\r\\nconnection: close\\r\\n\\r\\n"),300));socket.pipe(process.stdout)`;
    const { stdout } = await mesh.exec("deploy/web", ["node", "-e", socket], { namespace, container: "web" });
    assert.match(stdout, /"name":"pod"/);
  });

  test("what nobody declares goes where it was dialled: other hosts, and other ports of known ones", async () => {
    for (const url of ["http://unknown.example.com/", "http://api.example.com:8082/"]) {
      const { status, headers, json } = await ask(url);
      assert.deepEqual([status, headers?.["x-route"], json?.server], [200, undefined, one], url);
    }
  });

  test("all answers of DNS are endpoints with DNS, the first with DNS_ROUND_ROBIN", async () => {
    const many = (url: string) => calls("web", url, "--count", "20");
    assert.deepEqual(serversOf(await many("http://two.example.com/")), [one, two]);
    assert.deepEqual(serversOf(await many("http://first.example.com/")), [two]);
  });
});

suite("the way out of the machine", () => {
  for (const from of ["web", "plain"]) {
    test(`leads to names, addresses and the machine's own loopback, from the pod ${from}`, async () => {
      const where = { deployment: from, namespace: from === "web" ? namespace : "default" };
      const answers = async (url: string) => (await callsFrom<Answer>(mesh, where, url, []))[0]?.json;
      assert.equal((await answers("http://unknown.example.com:8082/"))?.server, one);
      assert.equal((await answers(`http://${privateHost}:8082/`))?.server, privateHost);
      const greeting = (await answers("greet://host.heddle.internal:9100"))?.greeting;
      assert.equal(greeting, "hello from the machine");
    });
  }

  test("is not for whoever dials the relay itself, whose address may be another's in the machine's network", async () => {
    outside.machine.namespace.run("ip", ["address", "add", "10.244.0.1/32", "dev", "lo"]);
    await outside.machine.tcp(15_020, "another", "10.244.0.1");
    const where = { deployment: "plain", namespace: "default" };
    const [answer] = await callsFrom<Answer>(mesh, where, "greet://10.244.0.1:15020", []);
    assert.equal(answer?.ok, false);
  });
});

suite("TLS by SNI", () => {
  for (const round of ["first", "later"]) {
    test(`goes to the host that is asked for, whatever was dialled, on the ${round} connection`, async () => {
      const { text } = await ask(`tls://${two}:443`, "--sni", "secure.example.com", "--body", "x");
      assert.equal(text, `${one} secure.example.com x`);
    });
  }

  test("also where the address is private, and by a wildcard", async () => {
    assert.match(
      (await ask("tls://private.example.com:443")).text ?? "",
      new RegExp(`^${privateHost} private`),
    );
    const { text } = await ask(`tls://${privateHost}:443`, "--sni", "a.wild.example.com");
    assert.match(text ?? "", new RegExp(`^${two} a\\.wild`));
  });

  test("a name that nobody declares, or none, goes where it was dialled", async () => {
    const { text } = await ask(`tls://${two}:443`, "--sni", "unknown.example.com");
    assert.match(text ?? "", new RegExp(`^${two} unknown`));
    assert.match((await ask(`tls://${two}:443`, "--sni=")).text ?? "", new RegExp(`^${two} -`));
  });
});

suite("by address", () => {
  test("a virtual address has the endpoints that are listed, with their ports", async () => {
    const { status, headers, json } = await ask(
      "http://203.0.113.7/",
      "--header",
      "host: static.example.com",
    );
    assert.deepEqual([status, headers?.["x-route"], json?.server], [200, "static", one]);
    const greeted = await ask("greet://203.0.113.7:7000", "--body", "ping");
    assert.deepEqual([greeted.ok, greeted.json?.greeting], [true, `hello from ${one}`]);
  });

  test("weights of endpoints share requests out", async () => {
    const answers = await calls("web", "http://203.0.113.8/", "--count", "100");
    const many = answers.filter(({ json }) => json?.server === two).length;
    assert.ok(many > 70 && many < 100, `${many} of 100 where 90 were expected`);
  });

  test("endpoints may be names", async () => {
    const answers = await calls("web", "http://203.0.113.9/", "--count", "20");
    assert.deepEqual(serversOf(answers), [one, two]);
  });

  test("a range without resolution is reached as it is dialled", async () => {
    const greeted = await ask("greet://198.51.100.70:9000", "--body", "ping");
    assert.equal(greeted.json?.greeting, `hello from ${one}`);
    assert.equal((await ask("http://198.51.100.70/")).json?.server, one);
  });

  test("selectors choose pods and WorkloadEntries, of ServiceEntries and of Services", async () => {
    const answers = await calls("web", "http://203.0.113.10/", "--count", "20");
    assert.deepEqual(serversOf(answers), [two, "pod"]);
    assert.equal((await ask("http://machines/")).json?.server, one);
  });

  test("of WorkloadEntries their weights, localities and service accounts count", async () => {
    const [pod] = await mesh.podsOf("pod");
    const write = (serviceAccount: string, others: readonly object[]) =>
      mesh.write(
        "placed.yaml",
        entry("placed", {
          hosts: ["placed.example.org"],
          addresses: ["203.0.113.11"],
          location: "MESH_INTERNAL",
          ports: [http()],
          resolution: "STATIC",
          workloadSelector: { labels: { kind: "placed" } },
        }),
        istio("DestinationRule", "placed", {
          host: "placed.example.org",
          trafficPolicy: {
            loadBalancer: { simple: "ROUND_ROBIN" },
            outlierDetection: { consecutive5xxErrors: 100 },
          },
        }),
        placed("far", { address: pod?.ip, ports: { "http-80": 8080 }, locality: "there", serviceAccount }),
        ...others,
      );
    write("default", [
      placed("light", { address: one, locality: "here/near", weight: 1 }),
      placed("heavy", { address: two, locality: "here/near", weight: 4 }),
    ]);
    let answers: readonly Answer[] = [];
    await until(async () => {
      answers = await calls("web", "http://203.0.113.11/", "--count", "50");
      return answers.every(({ json }) => json?.server !== undefined);
    }, "the entries");
    const heavy = answers.filter(({ json }) => json?.server === two).length;
    assert.deepEqual(serversOf(answers), [one, two]);
    assert.ok(heavy > 30 && heavy < 50, `${heavy} of 50 where 40 were expected`);
    write("default", []);
    let far: Answer | undefined;
    await until(async () => {
      far = await ask("http://203.0.113.11/");
      return far.json?.name === "pod";
    }, "the far one");
    assert.match(far?.json?.headers?.["x-forwarded-client-cert"] ?? "", /ns\/shop\/sa\/default/);
    write("other", []);
    await until(async () => (await ask("http://203.0.113.11/")).status === 503, "the account to be refused");
  });

  test("TCP to a declared port goes to its host, and its server is heard at once", async () => {
    // A busy machine makes single ones long.
    await until(async () => {
      const answers = await calls("web", `greet://${one}:9443`, "--body", "ping", "--count", "5");
      assert.ok(answers.every(({ json }) => json?.greeting === `hello from ${two}`));
      return Math.min(...answers.map(({ ms }) => ms)) < 90;
    }, "a greeting at once");
  });
});

suite("a tunnel through a proxy outside", () => {
  for (const round of ["first", "later"]) {
    test(`is asked for by CONNECT or POST, in the proxy's HTTP version, on the ${round} connection`, async () => {
      for (const [port, asked] of [
        [5432, "CONNECT behind.example.com:5432 by HTTP/1"],
        [5433, "CONNECT behind.example.com:5433 by HTTP/2"],
        [5434, "POST behind.example.com:5434 by HTTP/1"],
      ] as const) {
        const { ok, json } = await ask(`greet://203.0.113.20:${port}`, "--body", "ping");
        assert.deepEqual([ok, json?.greeting], [true, asked]);
      }
    });

    test(`carries the application's own TLS, on the ${round} connection`, async () => {
      const { text } = await ask("tls://203.0.113.20:443", "--sni", "behind.example.com", "--body", "x");
      assert.equal(text, "behind.example.com");
    });
  }
});

test("a connection as dialled ends where it must not be idle", async () => {
  const { ok, json } = await ask("greet://198.51.100.71:9001", "--body", "ping");
  assert.deepEqual([ok, json?.greeting], [true, `hello from ${one}`]);
  const command = ["node", "-e", heldOpen("198.51.100.71", 9001, 20_000)];
  const { stdout, stderr } = await mesh.exec("deploy/web", command, { namespace, container: "web" });
  assert.equal(stdout.trim(), "closed", stderr);
});

suite("outboundTrafficPolicy REGISTRY_ONLY", () => {
  test("what is declared is reached", async () => {
    assert.equal((await askStrictly("http://api.example.com/")).json?.server, one);
    assert.equal((await askStrictly("http://private.example.com/")).json?.server, privateHost);
    assert.match((await askStrictly(`tls://${two}:443`, "--sni", "secure.example.com")).text ?? "", /^198/);
    assert.equal((await askStrictly("http://machines/")).json?.server, one);
  });

  test("HTTP to what nobody declares is answered with 502, which says why", async () => {
    for (const url of ["http://unknown.example.com/", `http://${privateHost}:8082/`]) {
      const { status, text } = await askStrictly(url);
      assert.equal(status, 502, url);
      assert.match(text ?? "", /nothing is known of .*REGISTRY_ONLY/);
    }
  });

  test("other connections are closed", async () => {
    for (const url of [`tls://${two}:443`, `greet://${one}:9000`, `greet://${privateHost}:9000`]) {
      const answer = await askStrictly(url, "--body", "x");
      assert.equal(answer.ok, false, url);
      assert.match(answer.error ?? "", /closed|ECONNRESET|disconnected/, url);
    }
  });
});

test("telemetry names hosts, and what is not known as Istio does", async () => {
  await ask("http://api.example.com/");
  await ask("http://unknown.example.com/");
  await askStrictly("http://unknown.example.com/");
  await until(async () => {
    const rows = JSON.parse((await mesh.heddle("stat", "-n", namespace, "-o", "json")).stdout) as object;
    const text = JSON.stringify(rows);
    return ["api.example.com", "PassthroughCluster", "BlackHoleCluster"].every((name) => text.includes(name));
  }, "hosts in telemetry");
});

test("a host that comes later closes no connection", async () => {
  const long = calls("web", "http://unknown.example.com/", "--count", "20", "--interval", "100");
  const tcp = mesh.exec("deploy/web", ["node", "-e", heldOpen(one, 9000)], { namespace, container: "web" });
  mesh.write(
    "later.yaml",
    entry("later", { hosts: ["later.example.com"], ports: [http(), tlsPort()], resolution: "DNS" }),
    marked("later", "later.example.com"),
  );
  await until(
    async () => (await ask("http://later.example.com/")).headers?.["x-route"] === "later",
    "the new host",
  );
  await until(async () => {
    const { text } = await ask(`tls://${two}:443`, "--sni", "later.example.com");
    return text?.startsWith(`${one} later`) === true;
  }, "its TLS");
  assert.ok((await long).every(({ status }) => status === 200));
  assert.equal((await tcp).stdout.trim(), "open");
});

/** A program that says `open` if the connection is still there after so many milliseconds. */
function heldOpen(host: string, port: number, ms = 3_000): string {
  return `const s=require("net").connect(${port},"${host}");s.on("error",()=>{}).on("close",()=>{console.log("closed");process.exit()}).resume();setTimeout(()=>{console.log("open");process.exit()},${ms})`;
}
