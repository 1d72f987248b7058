// What clients may know, through real sidecars: exportTo and Sidecar limit what look-ups answer.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Certificate, createAuthority } from "#test/helpers/certificates.ts";
import type { Mesh } from "#test/helpers/mesh.ts";
import { metricsOf } from "#test/helpers/metrics.ts";
import { type Outside, openOutside } from "#test/helpers/outside.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const host = "198.51.100.20";
/** Nobody is there. */
const nowhere = "198.51.100.77";
/** Stands for hosts. */
const bound = "203.0.113.77";

interface Answer {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: {
    readonly server?: string;
    readonly name?: string;
    readonly greeting?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly text?: string;
  readonly error?: string;
}

function istio(kind: string, namespace: string, name: string, spec: object): object {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace }, spec };
}

function exported(object: object, to: string): object {
  const { metadata, ...rest } = object as { readonly metadata: object };
  return { ...rest, metadata: { ...metadata, annotations: { "networking.istio.io/exportTo": to } } };
}

/** Answers say which routes they took. */
function marked(namespace: string, name: string, to: string, exportTo?: readonly string[]): object {
  return istio("VirtualService", namespace, name, {
    hosts: [to],
    ...(exportTo === undefined ? {} : { exportTo }),
    http: [{ route: [{ destination: { host: to }, headers: { response: { set: { "x-route": name } } } }] }],
  });
}

const port = [{ name: "http", port: 80, targetPort: 8080 }];
const api = {
  hosts: ["api.example.com"],
  ports: [{ number: 80, name: "http", protocol: "HTTP" }],
  resolution: "DNS",
};
/** A part of a Sidecar's egress. */
const egress = (number: number, protocol: string, hosts: readonly string[], more: object = {}) => ({
  port: { number, protocol, name: protocol.toLowerCase() },
  hosts,
  ...more,
});
const listeners = [
  egress(9081, "HTTP", ["shop/direct.shop.svc.cluster.local"], { captureMode: "NONE", bind: "127.0.0.1" }),
  egress(0, "HTTP", ["*/*"], { bind: "unix://@services" }),
  egress(9082, "TCP", ["shop/direct.shop.svc.cluster.local"], { captureMode: "NONE" }),
  egress(9082, "TCP", ["shop/direct.shop.svc.cluster.local"], { bind: "unix://@direct" }),
  egress(9081, "HTTP", ["shop/direct.shop.svc.cluster.local"], { bind: bound }),
  egress(9082, "TCP", ["shop/direct.shop.svc.cluster.local"], { bind: bound, captureMode: "IPTABLES" }),
];

function callers(parts: readonly object[]): object {
  return istio("Sidecar", "other", "caller", {
    workloadSelector: { labels: { app: "caller" } },
    egress: parts,
    outboundTrafficPolicy: {
      mode: "ALLOW_ANY",
      egressProxy: { host: "exit.shop.svc.cluster.local", port: { number: 80 } },
    },
  });
}

const echoed = (name: string, namespace: string) =>
  echo(name, ["--http", "8080", "--name", name], 8080, { namespace });

let mesh: Mesh;
let outside: Outside;

/** What TLS needs, for the proxy to read. */
const files = mkdtempSync(join(tmpdir(), "heddle-scoping-"));
let pem: { readonly root: string; readonly chain: string; readonly key: string };
/** Of the same authority of the user's own, for a client that calls itself one of the mesh. */
let pretender: Certificate;

function secret(name: string): object {
  const stringData = { "tls.crt": pem.chain, "tls.key": pem.key };
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "other" }, stringData };
}

before(async () => {
  const authority = await createAuthority();
  pem = { root: authority.root, ...(await authority.issue({ dns: ["hidden.example.com"] })) };
  pretender = await authority.issue({
    uri: "spiffe://cluster.local/ns/shop/sa/default",
    dns: ["pretender.shop.workload.heddle"],
  });
  chmodSync(files, 0o755);
  for (const [name, text] of Object.entries({ roots: pem.root, chain: pem.chain, key: pem.key })) {
    writeFileSync(join(files, `${name}.pem`), text, { mode: 0o644 });
  }
  outside = await openOutside();
  mesh = await outside.startMesh({
    "apps.yaml": [
      ...["shop", "other"].flatMap((namespace) => [meshedNamespace(namespace), client("web", { namespace })]),
      client("limited", { namespace: "other" }),
      client("caller", { namespace: "other" }),
      echoed("exit", "shop"),
      service("exit", port, { namespace: "shop" }),
      echo("reviews", ["--http", "8080", "--greet", "2525", "--name", "reviews"], 8080, {
        namespace: "shop",
      }),
      service(
        "direct",
        [
          { name: "http", port: 9081, targetPort: 8080 },
          { name: "tcp", port: 9082, targetPort: 2525 },
        ],
        { namespace: "shop", app: "reviews" },
      ),
      exported(service("reviews", port, { namespace: "shop" }), "."),
      service("open", port, { namespace: "shop", app: "reviews" }),
      echoed("ratings", "other"),
      service("ratings", port, { namespace: "other" }),
      // Listens on another port than its Service says; its Sidecar knows which.
      echo("hidden", ["--http", "9080", "--name", "hidden"], 9080, {
        namespace: "other",
        // One port is not captured.
        annotations: { "traffic.sidecar.istio.io/excludeInboundPorts": "8090" },
        container: { readinessProbe: { exec: { command: ["true"] } } },
      }),
      // Without a sidecar.
      client("bare", { namespace: "bare" }),
      service(
        "hidden",
        [
          { name: "http", port: 80, targetPort: 8080 },
          { name: "mutual", port: 8444 },
        ],
        { namespace: "other" },
      ),
    ],
    "secrets.yaml": [secret("server")],
    "limits.yaml": [
      {
        apiVersion: "heddle.dev/v1alpha1",
        kind: "RateLimit",
        metadata: { name: "identities", namespace: "other" },
        spec: {
          targetRefs: [{ group: "", kind: "Service", name: "hidden", sectionName: "mutual" }],
          limits: [
            {
              requests: 1,
              unit: "Day",
              key: [{ type: "SourceIdentity" }],
              match: { path: { value: "/identity" } },
            },
          ],
        },
      },
    ],
    "caller.yaml": [callers(listeners)],
    "scopes.yaml": [
      istio("ServiceEntry", "other", "secure", {
        hosts: ["one.example.com", "two.example.com"],
        ports: [{ number: 8443, name: "tls", protocol: "TLS" }],
        resolution: "DNS",
      }),
      istio("ServiceEntry", "shop", "api", { ...api, exportTo: ["."] }),
      marked("shop", "api", "api.example.com"),
      marked("shop", "for-all", "open.shop.svc.cluster.local"),
      marked("shop", "for-others", "ratings.other.svc.cluster.local", ["shop"]),
      istio("Sidecar", "other", "limited", {
        workloadSelector: { labels: { app: "limited" } },
        egress: [{ hosts: ["./*"] }],
        outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      }),
      istio("Sidecar", "other", "hidden", {
        workloadSelector: { labels: { app: "hidden" } },
        ingress: [
          { port: { number: 8080, name: "http", protocol: "HTTP" }, defaultEndpoint: "127.0.0.1:9080" },
          { port: { number: 8081, name: "other", protocol: "HTTP" }, defaultEndpoint: "0.0.0.0:9080" },
          {
            port: { number: 8082, name: "tcp", protocol: "TCP" },
            defaultEndpoint: "0.0.0.0:9080",
            connectionPool: { tcp: { idleTimeout: "500ms" } },
          },
          {
            port: { number: 8090, name: "own", protocol: "HTTP" },
            captureMode: "NONE",
            defaultEndpoint: "127.0.0.1:9080",
          },
          {
            port: { number: 8091, name: "socket", protocol: "HTTP" },
            bind: "unix://@hidden",
            defaultEndpoint: "127.0.0.1:9080",
          },
          {
            port: { number: 8443, name: "https", protocol: "HTTPS" },
            defaultEndpoint: "127.0.0.1:9080",
            tls: { mode: "SIMPLE", credentialName: "server" },
          },
          {
            port: { number: 8444, name: "mutual", protocol: "HTTPS" },
            defaultEndpoint: "127.0.0.1:9080",
            tls: {
              mode: "MUTUAL",
              serverCertificate: join(files, "chain.pem"),
              privateKey: join(files, "key.pem"),
              caCertificates: join(files, "roots.pem"),
            },
          },
          {
            port: { number: 8445, name: "later", protocol: "HTTPS" },
            defaultEndpoint: "127.0.0.1:9080",
            tls: { mode: "SIMPLE", credentialName: "later" },
          },
        ],
      }),
    ],
  });
  outside.names({ "api.example.com": [host], "one.example.com": [host], "two.example.com": [host] });
  const machine = await outside.host(host);
  await machine.http(80, "api");
  await machine.tls(8443, "secure", ["one.example.com", "two.example.com"]);
});
after(async () => {
  await outside.close();
  rmSync(files, { recursive: true });
});

/** What a client without a sidecar is answered over TLS, with a certificate of its own or without. */
async function askSecurely(securePort: number, own?: Certificate, path = "/"): Promise<Answer> {
  const [pod] = await mesh.podsOf("hidden");
  const options = {
    host: pod?.ip,
    port: securePort,
    path,
    ca: pem.root,
    servername: "hidden.example.com",
    headers: { "x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/shop/sa/default" },
    ...(own === undefined ? {} : { cert: own.chain, key: own.key }),
  };
  const script = `require("node:https").get(${JSON.stringify(options)}, async (answer) => {
    const text = (await answer.toArray()).join("");
    console.log(JSON.stringify({ status: answer.statusCode, ...(text[0] === "{" ? { json: JSON.parse(text) } : {}) }));
  }).on("error", ({ code }) => console.log(JSON.stringify({ error: code })));`;
  return JSON.parse(
    await mesh.output("deploy/bare", ["node", "-e", script], { namespace: "bare", container: "bare" }),
  ) as Answer;
}

/** The same to a port that is open to the certificate: a handshake that begins late, on a busy machine, is tried again. */
async function answeredSecurely(...asked: Parameters<typeof askSecurely>): Promise<Answer> {
  let answer: Answer | undefined;
  await until(async () => {
    answer = await askSecurely(...asked);
    return answer.status !== undefined;
  }, "an answer over TLS");
  assert.ok(answer !== undefined);
  return answer;
}

async function ask(from: string, url: string, ...flags: readonly string[]): Promise<Answer> {
  const [namespace = "", name = ""] = from.split("/");
  const { stdout, stderr } = await mesh.exec(`deploy/${name}`, call(url, ...flags), {
    namespace,
    container: name,
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Answer;
}

suite("exportTo", { concurrency: true }, () => {
  test("of a Service: for others its address is one that nobody declares, to which there is no mutual TLS", async () => {
    assert.equal((await ask("shop/web", "http://reviews/")).json?.name, "reviews");
    const { status, json } = await ask("other/web", "http://reviews.shop/");
    assert.deepEqual([status, json?.name], [200, "reviews"]);
    await until(async () => {
      const { stdout } = await mesh.heddle("stat", "-n", "other", "-o", "json");
      const rows = JSON.parse(stdout) as readonly { readonly destination: { readonly service: string } }[];
      return rows.some(({ destination }) => destination.service === "PassthroughCluster");
    }, "the call to be seen as one to what nobody declares");
  });

  test("of a ServiceEntry", async () => {
    assert.equal((await ask("shop/web", "http://api.example.com/")).headers?.["x-route"], "api");
    const { status, headers } = await ask("other/web", "http://api.example.com/");
    assert.deepEqual([status, headers?.["x-route"]], [200, undefined]);
  });

  test("of a VirtualService", async () => {
    for (const from of ["shop/web", "other/web"]) {
      assert.equal((await ask(from, "http://open.shop/")).headers?.["x-route"], "for-all", from);
    }
    assert.equal((await ask("shop/web", "http://ratings.other/")).headers?.["x-route"], "for-others");
    assert.equal((await ask("other/web", "http://ratings/")).headers?.["x-route"], undefined);
  });
});

suite("Sidecar", () => {
  test("hosts that egress does not name are not known, and refused with REGISTRY_ONLY", async () => {
    assert.equal((await ask("other/limited", "http://ratings/")).json?.name, "ratings");
    for (const url of ["http://open.shop/", `http://${host}/`]) {
      const { status, text } = await ask("other/limited", url);
      assert.equal(status, 502, url);
      assert.match(text ?? "", /nothing is known of .*REGISTRY_ONLY/);
    }
  });

  test("an edit has effect at once, and the Sidecar gone, all is as without it", async () => {
    // To what a client does not know it has no mutual TLS, and so it is nobody there.
    const isKnown = async () => {
      const { json } = await ask("other/web", "http://hidden/");
      assert.equal(json?.name, "hidden");
      return json.headers?.["x-forwarded-client-cert"] !== undefined;
    };
    assert.ok(await isKnown());
    mesh.write(
      "more.yaml",
      istio("Sidecar", "other", "default", {
        egress: [{ hosts: ["shop/*", "./ratings.other.svc.cluster.local"] }],
      }),
    );
    mesh.write("root.yaml", istio("Sidecar", "istio-system", "default", { egress: [{ hosts: ["~/*"] }] }));
    await until(async () => !(await isKnown()), "the edit");
    assert.equal((await ask("other/web", "http://ratings/")).json?.name, "ratings");
    assert.equal((await ask("other/web", "http://open.shop/")).headers?.["x-route"], "for-all");
    // Without one of its own, a namespace has that of the root namespace.
    await until(
      async () => (await ask("shop/web", "http://open/")).headers?.["x-route"] === undefined,
      "the mesh's Sidecar to hide all",
    );
    mesh.remove("root.yaml");
    mesh.remove("more.yaml");
    await until(
      async () => (await ask("shop/web", "http://open/")).headers?.["x-route"] === "for-all",
      "routes again",
    );
  });

  test("the application calls its sidecar on a listener of its own, which leads to the hosts of that", async () => {
    for (const round of ["first", "later"]) {
      const { json } = await ask("other/caller", "http://127.0.0.1:9081/");
      assert.equal(json?.name, "reviews", round);
      assert.match(json.headers?.["x-forwarded-client-cert"] ?? "", /ns\/other\/sa\/default/);
    }
    for (const flags of [[], ["--socket", "@direct"]]) {
      const greeted = await ask("other/caller", "greet://127.0.0.1:9082", "--body", "text", ...flags);
      assert.deepEqual(
        [greeted.ok, greeted.json?.greeting?.includes("reviews")],
        [true, true],
        greeted.error,
      );
    }
  });

  test("a socket of the sidecar's own leads to many hosts, by the Host", async () => {
    const through = (url: string) => ask("other/caller", url, "--socket", "@services");
    assert.equal((await through("http://ratings/")).json?.name, "ratings");
    assert.equal((await through("http://open.shop/")).headers?.["x-route"], "for-all");
    const { status, text } = await through("http://reviews.shop/");
    assert.deepEqual([status, text], [404, "heddle: the Sidecar names no such host here\n"], "not exported");
  });

  test("an address that is nobody's stands for hosts", async () => {
    for (const round of ["first", "later"]) {
      assert.equal((await ask("other/caller", `http://${bound}:9081/`)).json?.name, "reviews", round);
    }
    const greeted = await ask("other/caller", `greet://${bound}:9082`, "--body", "text");
    assert.deepEqual([greeted.ok, greeted.json?.greeting?.includes("reviews")], [true, true], greeted.error);
  });

  test("a proxy gets what is not known: of HTTP and of TCP, inside the private ranges and outside", async () => {
    for (const url of [`http://${nowhere}/`, "http://10.99.0.1/", "http://open.shop/"]) {
      const { json } = await ask("other/caller", url);
      assert.deepEqual([json?.name, json?.headers?.["host"]], ["exit", new URL(url).host], url);
    }
    for (const address of [nowhere, "10.99.0.1"]) {
      const { text } = await ask("other/caller", `tcp://${address}:5432`, "--body", "GET / HTTP/1.0\r\n\r\n");
      assert.match(text ?? "", /^HTTP\/1.[01] 200 /, address);
    }
  });

  test("an edit opens a listener, of TLS by the name that is asked for, and another closes it", async () => {
    const secure = (name: string) =>
      ask("other/caller", "tls://127.0.0.1:8443", "--sni", name, "--body", "text");
    mesh.write(
      "caller.yaml",
      callers([...listeners, egress(8443, "TLS", ["*/*.example.com"], { captureMode: "NONE" })]),
    );
    const isThere = async () => (await secure("one.example.com")).text === "secure one.example.com text";
    await until(isThere, "the listener");
    assert.equal((await secure("two.example.com")).text, "secure two.example.com text");
    assert.equal((await secure("three.example.com")).ok, false);
    mesh.write("caller.yaml", callers(listeners));
    await until(async () => !(await isThere()), "the listener to go");
  });

  test("ingress says where the application listens", async () => {
    for (const round of ["first", "later"]) {
      assert.equal((await ask("shop/web", "http://hidden.other/")).json?.name, "hidden", round);
    }
    const [pod] = await mesh.podsOf("hidden");
    assert.equal((await ask("shop/web", `http://${pod?.ip}:8081/`)).json?.name, "hidden");
  });

  test("ingress ends TCP that nobody uses", async () => {
    const [pod] = await mesh.podsOf("hidden");
    const { ok, error } = await ask("shop/web", `tcp://${pod?.ip}:8082`);
    assert.equal(ok, false);
    assert.match(error ?? "", /closed|ECONNRESET/);
  });

  test("a listener of the sidecar's own has what is not captured, by mutual TLS, and a socket what the pod itself sends", async () => {
    const [pod] = await mesh.podsOf("hidden");
    const { json } = await ask("shop/web", `http://${pod?.ip}:8090/`);
    assert.equal(json?.name, "hidden");
    assert.match(json.headers?.["x-forwarded-client-cert"] ?? "", /ns\/shop\/sa\/default/);
    const local = await ask("other/hidden", "http://any/", "--socket", "@hidden");
    assert.equal(local.json?.name, "hidden");
  });

  test("TLS of clients without a sidecar is ended, who may come no other way; those in the mesh need none", async () => {
    await until(
      async () => (await askSecurely(8443)).json?.name === "hidden",
      "the certificate of the Secret",
    );
    const [pod] = await mesh.podsOf("hidden");
    assert.equal((await ask("bare/bare", `http://${pod?.ip}:8443/`)).ok, false);
    assert.equal((await ask("shop/web", `http://${pod?.ip}:8443/`)).json?.name, "hidden");
    assert.equal((await answeredSecurely(8444, pem)).json?.name, "hidden");
    assert.notEqual((await askSecurely(8444)).json?.name, "hidden");
  });

  test("a certificate of the user's own authority is no identity of the mesh, whatever it says", async () => {
    const { json } = await answeredSecurely(8444, pretender, "/identity");
    assert.equal(json?.name, "hidden");
    assert.equal(json.headers?.["x-forwarded-client-cert"], undefined);
    // It counts as nobody, as all do.
    assert.equal((await answeredSecurely(8444, pem, "/identity")).status, 429);
    const genuine = await ask("shop/web", "http://hidden.other:8444/identity");
    assert.match(genuine.json?.headers?.["x-forwarded-client-cert"] ?? "", /ns\/shop\/sa\/default/);
    let series: readonly string[] = [];
    await until(async () => {
      const all = (await metricsOf(mesh)).split("\n");
      series = all.filter((line) => /^istio_requests_total.*reporter="destination".*hidden/.test(line));
      return series.some((line) => /response_code="429"/.test(line));
    }, "telemetry");
    assert.ok(series.some((line) => /source_workload="unknown"/.test(line)));
    assert.deepEqual(
      series.filter((line) => /pretender/.test(line)),
      [],
    );
  });

  test("a certificate that comes later costs nobody else anything", async () => {
    assert.notEqual((await askSecurely(8445)).json?.name, "hidden");
    mesh.write("later.yaml", secret("later"));
    await until(async () => (await askSecurely(8445)).json?.name === "hidden", "the certificate");
  });
});
