// mTLS between two sidecars, and what an inbound listener does with everything else.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import tls from "node:tls";
import type { Resolve } from "#test/helpers/ads.ts";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import {
  grpcExchange,
  http2Session,
  readUntil,
  request,
  request2,
  startEcho,
  websocketEcho,
} from "#test/helpers/http.ts";
import { createPodNetwork, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { inboundCluster, inboundListener, mixedTransport, secrets, sidecarRules } from "./mutual-tls.ts";
import {
  type EndpointInit,
  edsCluster,
  endpoints,
  outboundListener,
  outboundRoutes,
  outsideCluster,
  serverFirstPort,
  virtualHost,
} from "./outbound.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const server = "10.244.0.3";
const unmeshedAddress = "10.244.0.4";
const uri = (account: string): string => `spiffe://cluster.local/ns/default/sa/${account}`;
/** A plaintext client of a server that speaks first waits for so long. */
const detectionMs = 1_000;
const leadsTo: Readonly<Record<string, readonly EndpointInit[]>> = {
  "10.96.0.1:80": [{ meshed: `${server}:8080` }],
  "10.96.0.2:80": [`${unmeshedAddress}:8080`],
  "10.96.0.3:80": [{ meshed: `${server}:8080` }, `${unmeshedAddress}:8080`],
  [`10.96.0.4:${serverFirstPort}`]: [{ meshed: `${server}:${serverFirstPort}` }],
  "10.96.0.4:8443": [{ meshed: `${server}:8443` }],
  // A pod's own address, dialled by its own application.
  [`${server}:8080`]: [{ meshed: `${server}:8080` }],
};
const forged = `By=${uri("evil")};URI=${uri("evil")}`;
let authority: TestAuthority;
let client: Sidecar;
let meshed: Sidecar;
let unmeshed: Namespace;

const clientResolve =
  (certificates: Resolve): Resolve =>
  (type, name) => {
    const destination = name.slice(name.search(/[|/]/) + 1);
    switch (type) {
      case "listener":
        return [outboundListener(), inboundListener({ detectionMs })];
      case "routes":
        return [outboundRoutes];
      case "cluster":
        if (name === "*") return [outsideCluster, inboundCluster];
        return [edsCluster(name, mixedTransport(name.startsWith("tcp") ? "tcp" : "http"))];
      case "endpoints":
        return [endpoints(name, ...(leadsTo[destination] ?? []))];
      case "virtualHost":
        return name === "*" ? undefined : [virtualHost({ destination, domains: [] })];
      default:
        return certificates(type, name);
    }
  };

async function workload(account: string): Promise<Resolve> {
  const certificate = await authority.issue({ uri: uri(account) });
  const all = secrets(certificate, authority.root);
  return (_type, name) => all.filter(({ resource }) => resource.name === name);
}

/** A TLS connection from the unmeshed pod straight to the meshed one; what the server says to an HTTP request. */
async function handshake(options: tls.ConnectionOptions): Promise<string> {
  const socket = await unmeshed.connect(server, 8080);
  const secure = tls.connect({
    socket,
    rejectUnauthorized: false,
    ALPNProtocols: ["heddle-http"],
    ...options,
  });
  return new Promise<string>((resolve, reject) => {
    secure.on("error", reject).on("close", () => reject(new Error("closed")));
    secure.on("secureConnect", () => secure.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    secure.on("data", (data) => resolve(String(data)));
  });
}

/** From the unmeshed pod, without TLS. */
async function plainly(port: number): Promise<{ readonly line: string; readonly ms: number }> {
  const start = performance.now();
  const socket = await unmeshed.connect(server, port);
  const line = await readUntil(socket, "\n").finally(() => socket.destroy());
  return { line: line.trim(), ms: performance.now() - start };
}

before(async () => {
  authority = await createAuthority();
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const [clientPod, serverPod] = [await network.pod("10.244.0.2"), await network.pod(server)];
  unmeshed = await network.pod(unmeshedAddress);
  stack.adopt(startEcho(await serverPod.listen(8080), "meshed"), (app) => app.close());
  stack.adopt(startEcho(await serverPod.listen(8081, "127.0.0.1"), "private"), (app) => app.close());
  stack.adopt(startEcho(await unmeshed.listen(8080), "unmeshed"), (app) => app.close());
  for (const port of [serverFirstPort, 5000]) {
    const greeter = net.createServer((socket) => socket.on("error", () => {}).write("hello\n"));
    stack.adopt(greeter.listen(await serverPod.listen(port)), () => void greeter.close());
  }
  const own = await authority.issue({ dns: ["own"] });
  const ownTls = tls.createServer({ cert: own.chain, key: own.key }, (socket) => socket.end("own tls\n"));
  stack.adopt(ownTls.listen(await serverPod.listen(8443)), () => void ownTls.close());
  const options = { rules: sidecarRules };
  client = await startSidecar(stack, clientPod, clientResolve(await workload("client")), options);
  meshed = await startSidecar(stack, serverPod, clientResolve(await workload("server")), options);
  await until(() => meshed.envoy.isListening("inbound"), "the inbound listener");
});

test("HTTP/1.1 arrives as HTTP/1.1 with the client's identity, and a forged one is dropped", async () => {
  for (const host of ["first", "later"]) {
    const headers = { "x-forwarded-client-cert": forged };
    const echo = (await client.ask("10.96.0.1:80", host, { headers })).echo();
    assert.equal(echo.app, "meshed");
    assert.equal(echo.httpVersion, "1.1");
    assert.match(
      String(echo.headers["x-forwarded-client-cert"]),
      new RegExp(`^By=${uri("server")};Hash=[0-9a-f]{64};Subject="";URI=${uri("client")}$`),
    );
    assert.equal(echo.headers.host, host);
    assert.deepEqual(
      Object.keys(echo.headers).filter((name) => name.startsWith("x-heddle") || name.startsWith("x-envoy")),
      [],
    );
  }
});

test("HTTP/2 arrives as HTTP/2 and gRPC streams", async () => {
  const session = http2Session(await client.dial("10.96.0.1:80"));
  const echo = (await request2(session, { method: "POST", body: "hey", authority: "any" })).echo();
  assert.equal(echo.httpVersion, "2.0");
  assert.match(String(echo.headers["x-forwarded-client-cert"]), /sa\/client$/);
  const { echoes, grpcStatus } = await grpcExchange(session, "any", ["one", "two"]);
  assert.deepEqual([...echoes, grpcStatus], ["one", "two", "0"]);
  session.destroy();
});

test("WebSockets pass", async () => {
  const socket = await client.dial("10.96.0.1:80");
  assert.equal((await websocketEcho(socket, "any", "hello"))[1], "hello");
  socket.destroy();
});

test("endpoint metadata chooses between mTLS and plaintext, within one cluster too", async () => {
  assert.equal((await client.ask("10.96.0.2:80", "any")).echo().app, "unmeshed");
  const seen = new Set<string>();
  await until(async () => {
    const { app, headers } = (await client.ask("10.96.0.3:80", "any")).echo();
    seen.add(`${app} ${headers["x-forwarded-client-cert"] === undefined ? "plaintext" : "mTLS"}`);
    return seen.size >= 2;
  }, "both endpoints to be chosen");
  assert.deepEqual([...seen].sort(), ["meshed mTLS", "unmeshed plaintext"]);
});

test("TCP passes inside mTLS, without delay when the port is declared, the application's own TLS too", async () => {
  const start = performance.now();
  const socket = await client.dial(`10.96.0.4:${serverFirstPort}`);
  assert.equal(await readUntil(socket, "\n"), "hello\n");
  socket.destroy();
  const ms = performance.now() - start;
  // The client's sidecar would wait for a minute to find out what is spoken.
  assert.ok(ms < 30_000, `took ${ms} ms`);
  const secure = tls.connect({
    socket: await client.dial("10.96.0.4:8443"),
    ca: authority.root,
    servername: "own",
  });
  assert.equal(await readUntil(secure, "\n"), "own tls\n");
  const stats = await client.envoy.admin("/stats?filter=8443.ssl.(versions|curves)");
  assert.match(stats, /ssl.versions.TLSv1.3: [1-9]/);
});

test("a client outside of the mesh is served in plaintext: HTTP/1.1, HTTP/2, gRPC, TLS of the application", async () => {
  const socket = await unmeshed.connect(server, 8080);
  const session = http2Session(socket);
  assert.equal((await request2(session)).echo().httpVersion, "2.0");
  assert.equal((await grpcExchange(session, "any", ["one"])).grpcStatus, "0");
  session.destroy();
  const secure = tls.connect({
    socket: await unmeshed.connect(server, 8443),
    ca: authority.root,
    servername: "own",
  });
  assert.equal(await readUntil(secure, "\n"), "own tls\n");
});

test("in plaintext a forged identity is dropped", async () => {
  const headers = { host: "x", connection: "close", "x-forwarded-client-cert": forged };
  const echo = (await request(await unmeshed.connect(server, 8080), { headers })).echo();
  assert.equal(echo.headers["x-forwarded-client-cert"], undefined);
  assert.equal(echo.peer, "127.0.0.6");
});

test("a plaintext client of a server that speaks first waits for detection, and no longer", async () => {
  const heard = await Promise.all([serverFirstPort, 5000].map(plainly));
  for (const { line, ms } of heard) {
    assert.equal(line, "hello");
    assert.ok(ms > detectionMs * 0.9 && ms < detectionMs * 10, `took ${ms} ms`);
  }
});

test("mesh TLS needs a certificate of the mesh's authority, and TLS 1.3", async () => {
  const good = await authority.issue({ uri: uri("direct") });
  const foreign = await (await createAuthority("other")).issue({ uri: uri("direct") });
  const strange = await authority.issue({ uri: "spiffe://other.domain/ns/default/sa/direct" });
  await assert.rejects(handshake({}), /certificate required/);
  await assert.rejects(handshake({ cert: foreign.chain, key: foreign.key }), /unknown ca/);
  await assert.rejects(handshake({ cert: strange.chain, key: strange.key }), /certificate/);
  await assert.rejects(
    handshake({ cert: good.chain, key: good.key, maxVersion: "TLSv1.2" }),
    /protocol version/,
  );
  assert.match(await handshake({ cert: good.chain, key: good.key }), /^HTTP\/1.1 200 OK/);
});

test("a loopback-only listener stays private, and the application reaches itself", async () => {
  const outside = await request(await unmeshed.connect(server, 8081), {
    headers: { host: "x", connection: "close" },
  });
  assert.equal(outside.status, 503);
  assert.equal((await meshed.ask("127.0.0.1:8081", "x")).echo().app, "private");
  assert.equal((await meshed.ask(`${server}:8080`, "x")).echo().app, "meshed");
});

test("dialling the inbound listener itself gives nothing", async () => {
  const ways = [await unmeshed.connect(server, 15006), await meshed.pod.connect("127.0.0.1", 15006)];
  for (const socket of ways) await assert.rejects(request(socket, { headers: { host: "x" } }));
  await assert.rejects(plainly(15006), /connection ended/);
});
