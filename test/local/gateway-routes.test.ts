// Routes of a Gateway, as strangers meet them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { after, before, suite, test } from "node:test";
import { credentials, Metadata } from "@grpc/grpc-js";
import { freePort } from "#test/helpers/free-port.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { echo, meshedNamespace, service } from "#test/helpers/workloads.ts";
import { EchoClient } from "./apps/echo-grpc.ts";

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const namespace = "shop";
/** Where the routes are. */
const consumer = "consumer";

const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "grpc", port: 7070 },
];
const backend = (name: string, port = 80) => ({ name, namespace, port });
const below = (value: string) => ({ path: { type: "PathPrefix", value } });
const movedHere = {
  type: "RequestRedirect",
  requestRedirect: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/here" } },
};

const listener = (hostname: string, port: number) => ({
  name: "http",
  port,
  protocol: "HTTP",
  hostname,
  allowedRoutes: { namespaces: { from: "All" } },
});

/** A route of the gateway, of the consumers' namespace: its backends are in another. */
function exposed(kind: string, name: string, hostname: string, rules: readonly object[]): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind,
    metadata: { name, namespace: consumer },
    spec: { parentRefs: [{ name: "public", namespace }], hostnames: [hostname], rules },
  };
}

let mesh: Mesh;
let gatewayPort: number;

before(async () => {
  gatewayPort = await freePort();
  mesh = await startMesh({
    "apps.yaml": [
      meshedNamespace(namespace),
      echo("web", ["--http", "8080", "--grpc", "7070", "--name", "web"], 7070, { namespace }),
      service("web", ports, { namespace }),
      service("secret", ports, { namespace, app: "web" }),
    ],
    "gateway.yaml": [
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        metadata: { name: "public", namespace },
        spec: { gatewayClassName: "heddle", listeners: [listener("*.example.com", gatewayPort)] },
      },
      exposed("HTTPRoute", "web", "web.example.com", [
        { matches: [below("/moved")], filters: [movedHere] },
        {
          matches: [below("/pages")],
          filters: [
            { type: "CORS", cors: { allowOrigins: ["https://pages.example.com"], allowMethods: ["PUT"] } },
          ],
          sessionPersistence: { sessionName: "pages" },
          backendRefs: [backend("web")],
        },
        { matches: [below("/secret")], backendRefs: [backend("secret")] },
        { backendRefs: [backend("web")] },
      ]),
      exposed("GRPCRoute", "calls", "calls.example.com", [
        { backendRefs: [{ name: "web", namespace, port: 7070 }] },
      ]),
      {
        apiVersion: "gateway.networking.k8s.io/v1beta1",
        kind: "ReferenceGrant",
        metadata: { name: "public", namespace },
        spec: {
          from: ["HTTPRoute", "GRPCRoute"].map((kind) => ({
            group: "gateway.networking.k8s.io",
            kind,
            namespace: consumer,
          })),
          to: [{ group: "", kind: "Service", name: "web" }],
        },
      },
    ],
  });
  const isThere = () =>
    atGateway("web.example.com", "/").then(
      () => true,
      () => false,
    );
  await until(isThere, "the gateway").catch(async (error: unknown) => {
    throw new Error(`no gateway; ${JSON.stringify(await mesh.problems())}`, { cause: error });
  });
});
after(() => mesh.close());

/** What the gateway answers to this machine. */
async function atGateway(
  host: string,
  path: string,
  method = "GET",
  more: OutgoingHttpHeaders = {},
): Promise<Answer> {
  const signal = AbortSignal.timeout(30_000);
  const headers = { host, ...more };
  const asked = request({ host: "127.0.0.1", port: gatewayPort, method, path, headers, signal });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    headers: response.headers,
    text,
  };
}

suite("a gateway", () => {
  test("serves the hostnames that its listener and a route have in common, with and without the port", async () => {
    for (const host of ["web.example.com", `web.example.com:${gatewayPort}`]) {
      const { status, text } = await atGateway(host, "/");
      assert.equal(status, 200);
      assert.equal((JSON.parse(text) as { readonly name: string }).name, "web");
    }
    assert.equal((await atGateway("web.example.org", "/")).status, 404);
  });

  test("has the address of the machine, and is programmed", async () => {
    const { stdout } = await mesh.heddle("status", "gateway", "public", "-n", namespace);
    assert.match(stdout, /✓ Programmed True \(Programmed\)/);
  });

  test("redirects to the Host that was sent, and to its own port", async () => {
    for (const host of ["web.example.com", `web.example.com:${gatewayPort}`]) {
      const { status, location } = await atGateway(host, "/moved/x");
      assert.deepEqual([status, location], [302, `http://web.example.com:${gatewayPort}/here/x`]);
    }
  });

  test("lets pages of other sites call, and keeps sessions", async () => {
    const origin = "https://pages.example.com";
    const ask = { origin, "access-control-request-method": "PUT" };
    const preflight = await atGateway("web.example.com", "/pages", "OPTIONS", ask);
    assert.equal(preflight.headers["access-control-allow-origin"], origin);
    assert.equal(preflight.headers["access-control-allow-methods"], "PUT");
    const { headers } = await atGateway("web.example.com", "/pages", "PUT", { origin });
    assert.equal(headers["access-control-allow-origin"], origin);
    assert.match(String(headers["set-cookie"]), /^pages=.*Path=\/pages/);
    const elsewhere = await atGateway("web.example.com", "/pages", "PUT", { origin: "https://example.net" });
    assert.deepEqual([elsewhere.status, elsewhere.headers["access-control-allow-origin"]], [200, undefined]);
  });

  test("answers with 500 for a backend of another namespace that no ReferenceGrant opens", async () => {
    assert.equal((await atGateway("web.example.com", "/secret")).status, 500);
  });

  test("has gRPC routes", async () => {
    const options = { "grpc.default_authority": "calls.example.com" };
    const caller = new EchoClient(`127.0.0.1:${gatewayPort}`, credentials.createInsecure(), options);
    try {
      const name = await new Promise((resolve, reject) => {
        caller.unary({ text: "hello" }, new Metadata(), { deadline: Date.now() + 60_000 }, (error, reply) =>
          error === null ? resolve(reply?.name) : reject(error),
        );
      });
      assert.equal(name, "web");
    } finally {
      caller.close();
    }
  });
});
