// Istio's Gateways, with the manifests of Istio's documentation for what runs them, as strangers meet them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, suite, test } from "node:test";
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

let mesh: Mesh;
let port: number;
/** Of the Gateway of the Gateway API, and of Istio's that selects its pods. */
let ownPort: number;
let addedPort: number;

before(async () => {
  [port, ownPort, addedPort] = [await freePort(), await freePort(), await freePort()];
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      ...["web", "api"].flatMap((name) => [
        echo(name, ["--http", "8080", "--name", name], 8080, { namespace }),
        service(name, ports, { namespace }),
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
          listeners: [{ name: "http", port: ownPort, protocol: "HTTP" }],
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
  const signal = AbortSignal.timeout(5_000);
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

  test("that sends clients to HTTPS where its server says so", async () => {
    const { status, location } = await at(port, "secure.example.com", "/a?b");
    assert.deepEqual([status, location], [301, "https://secure.example.com/a?b"]);
  });

  test("and reaches backends by mutual TLS", async () => {
    const { headers } = JSON.parse((await at(port, "any", "/productpage")).text) as SeenRequest;
    assert.match(String(headers["x-forwarded-client-cert"]), /spiffe:\/\/cluster.local\/ns\/istio-ingress/);
  });
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
