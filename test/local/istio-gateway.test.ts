// Istio's Gateways, with the manifests of Istio's documentation for what runs them, as strangers meet them; and TCP on
// gateways of both kinds.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "#test/helpers/free-port.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import type { SeenRequest } from "./apps/echo-http.ts";

const namespace = "shop";
const ingress = "istio-ingress";
const labels = { istio: "ingressgateway" };
const ports = [{ name: "http", port: 80, targetPort: 8080 }];

/** https://istio.io/latest/docs/setup/additional-setup/gateway/#deploying-a-gateway */
function ingressGateway(port: number): readonly object[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: ingress } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "istio-ingressgateway", namespace: ingress },
      spec: { type: "LoadBalancer", selector: labels, ports: [{ port, targetPort: 8080, name: "http" }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "istio-ingressgateway", namespace: ingress },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: {
            annotations: { "inject.istio.io/templates": "gateway" },
            labels: { ...labels, "sidecar.istio.io/inject": "true" },
          },
          spec: {
            securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
            containers: [
              {
                name: "istio-proxy",
                image: "auto",
                securityContext: { capabilities: { drop: ["ALL"] }, runAsUser: 1337, runAsGroup: 1337 },
              },
            ],
          },
        },
      },
    },
  ];
}

function istio(kind: string, name: string, spec: object): object {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace }, spec };
}

const server = (number: number, hosts: readonly string[], others: object = {}) => ({
  port: { number, name: "http", protocol: "HTTP" },
  hosts,
  ...others,
});
const to = (host: string) => [{ destination: { host } }];

/** Takes so many requests to a path of what it is for, and no more while a test runs. */
function limitOn(gateway: string, sectionName: string | undefined, path: string, requests: number): object {
  const target = { group: "networking.istio.io", kind: "Gateway", name: gateway, sectionName };
  const match = { path: { type: "Exact", value: path } };
  return {
    apiVersion: "heddle.dev/v1alpha1",
    kind: "RateLimit",
    metadata: { name: sectionName ?? "whole", namespace },
    spec: { targetRefs: [target], limits: [{ requests, unit: "Day", match }] },
  };
}

const toTcp = (host: string) => [{ destination: { host: `${host}-tcp` } }];

function tcpRoute(backendRefs: readonly object[]): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "TCPRoute",
    metadata: { name: "own", namespace },
    spec: { parentRefs: [{ name: "own", sectionName: "tcp" }], rules: [{ backendRefs }] },
  };
}

let mesh: Mesh;
let port: number;
/** Of the Gateway of the Gateway API, and of Istio's that selects its pods. */
let ownPort: number;
let addedPort: number;
/** Of TCP: of the same Gateway of the Gateway API, and of Istio's that selects the Deployment. */
let ownTcpPort: number;
let tcpPort: number;

before(async () => {
  [port, ownPort, addedPort] = [await freePort(), await freePort(), await freePort()];
  [ownTcpPort, tcpPort] = [await freePort(), await freePort()];
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      ...["web", "api"].flatMap((name) => [
        echo(name, ["--http", "8080", "--greet", "2525", "--name", name], 8080, { namespace }),
        service(name, ports, { namespace }),
        service(`${name}-tcp`, [{ name: "tcp", port: 2525 }], { namespace, app: name }),
      ]),
      client("inside", { namespace }),
    ],
    "ingress.yaml": [...ingressGateway(port)],
    "routes.yaml": [
      istio("Gateway", "bookinfo", { selector: labels, servers: [server(port, ["*"])] }),
      istio("VirtualService", "bookinfo", {
        hosts: ["*"],
        gateways: ["bookinfo"],
        http: [
          { match: [{ uri: { exact: "/productpage" } }, { uri: { prefix: "/static" } }], route: to("web") },
          { match: [{ uri: { prefix: "/abort" } }], fault: abort, route: to("web") },
        ],
      }),
      istio("VirtualService", "a-part", {
        hosts: ["parts.example.com"],
        gateways: ["bookinfo"],
        http: [{ route: to("web") }],
      }),
      istio("VirtualService", "b-part", {
        hosts: ["parts.example.com"],
        gateways: ["bookinfo"],
        http: [{ match: [{ uri: { prefix: "/api" } }], route: to("api") }],
      }),
      istio("Gateway", "httpbin", {
        selector: labels,
        servers: [
          server(port, ["httpbin.example.com"]),
          server(port, ["secure.example.com"], { tls: { httpsRedirect: true } }),
        ],
      }),
      istio("VirtualService", "httpbin", {
        hosts: ["httpbin.example.com", "api"],
        gateways: ["shop/httpbin", "mesh"],
        http: [
          { match: [{ gateways: ["httpbin"], uri: { prefix: "/outside" } }], route: to("api") },
          {
            match: [{ gateways: ["mesh"], uri: { prefix: "/inside" } }],
            headers: { response: { set: { "x-inside": "1" } } },
            route: to("web"),
          },
        ],
      }),
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        metadata: { name: "own", namespace },
        spec: {
          gatewayClassName: "heddle",
          infrastructure: { labels: { istio: "own" } },
          listeners: [
            { name: "http", port: ownPort, protocol: "HTTP" },
            { name: "tcp", port: ownTcpPort, protocol: "TCP" },
          ],
        },
      },
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: { name: "own", namespace },
        spec: { parentRefs: [{ name: "own" }], rules: [{ backendRefs: [{ name: "api", port: 80 }] }] },
      },
      istio("Gateway", "added", { selector: { istio: "own" }, servers: [server(addedPort, ["*"])] }),
      istio("VirtualService", "added", { hosts: ["*"], gateways: ["added"], http: [{ route: to("web") }] }),
    ],
    "limits.yaml": [
      istio("Gateway", "limited", {
        selector: labels,
        servers: [
          server(port, ["few.example.com"], { name: "few" }),
          server(port, ["rest.example.com"], { name: "rest" }),
        ],
      }),
      istio("VirtualService", "limited", {
        hosts: ["*.example.com"],
        gateways: ["limited"],
        http: [{ directResponse: { status: 200, body: { string: "limited" } } }],
      }),
      limitOn("limited", undefined, "/static/whole", 3),
      limitOn("limited", "few", "/static/part", 2),
    ],
    "tcp-route.yaml": [tcpRoute([{ name: "api-tcp", port: 2525 }])],
    "tcp.yaml": [
      istio("Gateway", "tcp", {
        selector: labels,
        servers: [{ port: { number: tcpPort, name: "tcp", protocol: "TCP" }, hosts: ["*"] }],
      }),
      istio("VirtualService", "tcp", {
        hosts: ["*"],
        gateways: ["tcp"],
        tcp: [
          { match: [{ port: 1 }], route: toTcp("api") },
          {
            match: [{ port: tcpPort }],
            route: [
              { ...toTcp("web")[0], weight: 50 },
              { ...toTcp("gone")[0], weight: 50 },
            ],
          },
        ],
      }),
    ],
  });
  const isThere = async () => {
    const found = await Promise.all(
      [port, ownPort, addedPort].map((each) => at(each, "any", "/productpage").catch(() => ({ status: 0 }))),
    );
    return found.every(({ status }) => status === 200);
  };
  await until(isThere, "the gateways").catch(async (error: unknown) => {
    throw new Error(`no gateway; ${JSON.stringify(await mesh.problems())}`, { cause: error });
  });
});
after(() => mesh.close());

const abort = { abort: { httpStatus: 555, percentage: { value: 100 } } };

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

/** What a gateway answers to this machine. */
async function at(gatewayPort: number, host: string, path: string): Promise<Answer> {
  const signal = AbortSignal.timeout(30_000);
  const asked = request({ host: "127.0.0.1", port: gatewayPort, path, headers: { host }, signal });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode ?? 0, location: response.headers.location, text };
}

function whoAnswers({ text }: Answer): string {
  return (JSON.parse(text) as SeenRequest).name;
}

suite("a Deployment with Istio's template is a gateway", () => {
  test("that serves the VirtualServices which name a Gateway that selects it", async () => {
    const answer = await at(port, "localhost", "/productpage");
    assert.equal(whoAnswers(answer), "web");
    assert.equal((JSON.parse(answer.text) as SeenRequest).headers["host"], "localhost");
    assert.equal((await at(port, "localhost", "/other")).status, 404);
    assert.equal((await at(port, "localhost", "/abort")).status, 555);
  });

  test("for several Gateways on one port, the narrower host before the wider", async () => {
    assert.equal(whoAnswers(await at(port, "httpbin.example.com", "/outside")), "api");
    assert.equal((await at(port, "httpbin.example.com", "/productpage")).status, 404);
    assert.equal((await at(port, "httpbin.example.com", "/inside")).status, 404);
  });

  test("with the parts of a host's routes in several objects, what takes every request last", async () => {
    assert.equal(whoAnswers(await at(port, "parts.example.com", "/api")), "api");
    assert.equal(whoAnswers(await at(port, "parts.example.com", "/")), "web");
  });

  test("that sends clients to HTTPS where its server says so", async () => {
    const { status, location } = await at(port, "secure.example.com", "/a?b");
    assert.deepEqual([status, location], [301, "https://secure.example.com/a?b"]);
  });

  test("and reaches backends by mutual TLS", async () => {
    const { headers } = JSON.parse((await at(port, "any", "/productpage")).text) as SeenRequest;
    assert.match(String(headers["x-forwarded-client-cert"]), /spiffe:\/\/cluster.local\/ns\/istio-ingress/);
  });
});

test("a RateLimit for one of Istio's Gateways counts what comes to its hosts, one for a server what comes to that", async () => {
  const ask = async (host: string, path: string) => (await at(port, `${host}.example.com`, path)).status;
  await until(async () => (await ask("few", "/")) === 200, "the Gateway");
  const statuses: number[] = [];
  for (const host of ["few", "rest", "few", "rest"]) statuses.push(await ask(host, "/static/whole"));
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  assert.deepEqual([await ask("few", "/static/part"), await ask("few", "/static/part")], [200, 200]);
  assert.deepEqual([await ask("few", "/static/part"), await ask("rest", "/static/part")], [429, 200]);
  // Another Gateway on the same port has no limits.
  assert.equal((await at(port, "any", "/static/whole")).status, 200);
});

test("a VirtualService for gateways and the mesh has rules for each", async () => {
  const ask = async (path: string) => {
    const { stdout } = await mesh.exec("deploy/inside", call(`http://api${path}`), {
      namespace,
      container: "inside",
    });
    return JSON.parse(stdout) as { readonly status: number; readonly json?: SeenRequest };
  };
  assert.equal((await ask("/inside")).json?.name, "web");
  assert.equal((await ask("/outside")).status, 404);
});

test("a Gateway of the Gateway API is selected by the labels of its infrastructure", async () => {
  assert.equal(whoAnswers(await at(ownPort, "any", "/")), "api");
  assert.equal(whoAnswers(await at(addedPort, "any", "/")), "web");
});

test("an edit of a Gateway opens its port at once", async () => {
  const another = await freePort();
  mesh.write(
    "more.yaml",
    istio("Gateway", "more", {
      selector: { istio: "own" },
      servers: [server(another, ["more.example.com"])],
    }),
    istio("VirtualService", "more", {
      hosts: ["*.example.com"],
      gateways: ["more"],
      http: [{ directResponse: { status: 200, body: { string: "more" } } }],
    }),
  );
  const isThere = async () =>
    (await at(another, "more.example.com", "/").catch(() => ({ text: "" }))).text === "more";
  await until(isThere, "the port");
});

/** A connection of this machine to a gateway, once its server has greeted; undefined for one that is closed instead. */
async function greeted(gatewayPort: number): Promise<{ server: string; socket: Socket } | undefined> {
  const socket = connect({ host: "127.0.0.1", port: gatewayPort }).setEncoding("utf8");
  try {
    // Half a close is a refusal, too.
    const late = AbortSignal.timeout(30_000);
    const refusal = new AbortController();
    socket.once("end", () => refusal.abort());
    const signal = AbortSignal.any([late, refusal.signal]);
    const [line] = (await once(socket, "data", { signal })) as [string];
    return { server: /\b(web|api)\b/.exec(line)?.[0] ?? line, socket };
  } catch {
    socket.destroy();
    return undefined;
  }
}

/** How many of some connections each server has; `none`: those that are closed. */
async function servers(gatewayPort: number, count: number): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const connection = await greeted(gatewayPort);
    connection?.socket.destroy();
    const name = connection?.server ?? "none";
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

suite("a port of TCP", () => {
  test("has its connections shared out by the VirtualService, those of a host that is not there refused", async () => {
    await until(async () => (await servers(tcpPort, 1))["web"] === 1, "the port");
    const { web = 0, none = 0, api = 0 } = await servers(tcpPort, 100);
    assert.equal(api, 0);
    assert.ok(web > 25 && none > 25, `${web} and ${none} of 100`);
  });

  test("has them where the TCPRoute says; an edit is for the next ones, and closes none", async () => {
    await until(async () => (await servers(ownTcpPort, 1))["api"] === 1, "the port");
    const open = (await greeted(ownTcpPort)) ?? assert.fail("closed");
    const isSplit = async () =>
      Object.keys(await servers(ownTcpPort, 8))
        .sort()
        .join() === "api,web";
    mesh.write(
      "tcp-route.yaml",
      tcpRoute([
        { name: "api-tcp", port: 2525, weight: 50 },
        { name: "web-tcp", port: 2525, weight: 50 },
      ]),
    );
    await until(isSplit, "the split");
    mesh.write("tcp-route.yaml", tcpRoute([{ name: "web-tcp", port: 2525 }]));
    await until(async () => (await servers(ownTcpPort, 8))["web"] === 8, "the new route");
    const echoed = once(open.socket, "data", { signal: AbortSignal.timeout(30_000) });
    open.socket.write("still there");
    assert.deepEqual(await echoed, ["still there"]);
    open.socket.destroy();
    await endsWhenIdle();
    mesh.remove("tcp-route.yaml");
    await until(async () => (await servers(ownTcpPort, 1))["none"] === 1, "nobody");
  });

  /** A limit of the destination's own is kept by the gateway. */
  async function endsWhenIdle(): Promise<void> {
    const trafficPolicy = { connectionPool: { tcp: { idleTimeout: "500ms" } } };
    mesh.write("idle.yaml", istio("DestinationRule", "idle", { host: "web-tcp", trafficPolicy }));
    await until(async () => {
      const connection = (await greeted(ownTcpPort)) ?? assert.fail("closed");
      assert.equal(connection.server, "web");
      const closed = new Promise((resolve) => connection.socket.on("error", () => {}).on("close", resolve));
      connection.socket.resume();
      const isClosed = await Promise.race([closed.then(() => true), sleep(3_000, false)]);
      connection.socket.destroy();
      return isClosed;
    }, "the end of an idle connection");
  }
});
