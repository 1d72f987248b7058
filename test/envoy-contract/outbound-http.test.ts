// HTTP on demand by destination: what reaches the application on first and on later requests.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { milliseconds } from "#test/helpers/config.ts";
import { grpcExchange, http2Session, request2, startEcho, websocketEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { type Known, onDemand, type Sidecar, startSidecar, together } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const endpoint = "127.0.0.1:8080";
const known: Record<string, Known> = { "10.96.0.3:81": { domains: ["s3:81"], endpoint } };
for (let host = 1; host <= 20; host++)
  known[`10.96.0.${host}:80`] = { domains: [`s${host}`, `s${host}.shop`, `s${host}:80`], endpoint };
const slowPath = "/slow";
/** Long enough for every look-up. */
const streamBound = 4_000;
const body = Buffer.alloc(4 << 20, "x");
let sidecar: Sidecar;

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(
    startEcho(await pod.listen(8080), "app", (request, response, echo) => {
      setTimeout(() => response.end(JSON.stringify(echo)), request.url === slowPath ? streamBound * 1.5 : 0);
    }),
    (app) => app.close(),
  );
  const manager = { commonHttpProtocolOptions: { maxStreamDuration: milliseconds(streamBound) } };
  sidecar = await startSidecar(
    stack,
    pod,
    onDemand(known, { manager }, (type, name) => {
      if (type === "endpoints" && name === "http|10.96.0.19:80") return "silence";
      const destination = name.slice("outbound/".length);
      const entry = known[destination];
      const isTogether = type === "virtualHost" && destination.startsWith("10.96.0.19:");
      return isTogether && entry !== undefined ? together(destination, entry) : undefined;
    }),
  );
});

test("a GET reaches the dialled service with its own Host, first and later", async () => {
  for (const round of ["first", "later"]) {
    const echo = (await sidecar.ask("10.96.0.1:80", "s1")).echo();
    assert.equal(echo.headers.host, "s1", round);
  }
});

test("a canonical Host takes the native way on later requests", async () => {
  const echo = (await sidecar.ask("10.96.0.1:80", "s1.shop")).echo();
  assert.equal(echo.headers["x-heddle-miss"], undefined);
});

test("the service that was dialled answers whatever Host is sent, one question per destination", async () => {
  for (const host of ["public.example.com", "s1", "10.96.0.2", "random-1", "random-2"]) {
    const echo = (await sidecar.ask("10.96.0.2:80", host)).echo();
    assert.equal(echo.headers.host, host);
  }
  const asked = sidecar.ads.subscribed("virtualHost").filter((name) => name.includes("10.96.0.2"));
  assert.deepEqual(asked, ["outbound/10.96.0.2:80"]);
  const line = "GET s1/ code=200 flags=- details=via_upstream cluster=http|10.96.0.2:80";
  await until(() => sidecar.envoy.output().includes(line), line);
});

test("two ports of one address are two destinations", async () => {
  assert.equal((await sidecar.ask("10.96.0.3:80", "s3")).status, 200);
  assert.equal((await sidecar.ask("10.96.0.3:81", "s3")).status, 200);
  assert.ok(sidecar.ads.subscribed("virtualHost").includes("outbound/10.96.0.3:81"));
});

test("forged helper headers change nothing", async () => {
  const headers = { "x-heddle-miss": "1", "x-heddle-authority": "evil" };
  for (const host of ["s4", "s4", "other"]) {
    const echo = (await sidecar.ask("10.96.0.4:80", host, { headers })).echo();
    assert.equal(echo.headers.host, host);
  }
  assert.ok(sidecar.ads.subscribed("virtualHost").includes("outbound/10.96.0.4:80"));
});

for (const [chunked, host, what] of [
  [false, 5, "with length"],
  [true, 6, "chunked"],
] as const)
  test(`a POST of 4 MB, ${what}, arrives whole, first and later`, async () => {
    for (const name of [`s${host}`, "unknown", `s${host}`]) {
      const answer = await sidecar.ask(`10.96.0.${host}:80`, name, { method: "POST", body, chunked });
      assert.equal(answer.echo().bytes, body.length);
    }
  });

test("Expect: 100-continue is answered on a first request", async () => {
  const headers = { expect: "100-continue" };
  const answer = await sidecar.ask("10.96.0.7:80", "s7", { method: "POST", body: "hello", headers });
  assert.deepEqual(answer.informational, [100]);
  assert.equal(answer.echo().bytes, 5);
});

test("HTTP/2 stays HTTP/2, first and later, with a body of 4 MB", async () => {
  const session = http2Session(await sidecar.dial("10.96.0.8:80"));
  for (const authority of ["s8", "unknown", "s8"]) {
    const echo = (await request2(session, { method: "POST", body, authority })).echo();
    assert.equal(echo.bytes, body.length);
    assert.equal(echo.httpVersion, "2.0");
    assert.equal(echo.headers[":authority"], authority);
  }
  session.destroy();
});

test("a gRPC stream in both directions works as a first request", async () => {
  const session = http2Session(await sidecar.dial("10.96.0.9:80"));
  for (const authority of ["s9", "unknown"]) {
    const { echoes, grpcStatus } = await grpcExchange(session, authority, ["one", "two", "three"]);
    assert.deepEqual(echoes, ["one", "two", "three"]);
    assert.equal(grpcStatus, "0");
  }
  session.destroy();
});

test("a WebSocket opens as a first request", async () => {
  const socket = await sidecar.dial("10.96.0.10:80");
  const [statusLine, echo] = await websocketEcho(socket, "s10", "hello");
  assert.equal(statusLine, "HTTP/1.1 101 Switching Protocols");
  assert.equal(echo, "hello");
  socket.destroy();
});

test("eight parallel first requests ask once and all succeed", async () => {
  const hosts = ["s11", "a", "b", "c", "s11.shop", "d", "e", "s11:80"];
  const answers = await Promise.all(hosts.map((host) => sidecar.ask("10.96.0.11:80", host)));
  assert.deepEqual(
    answers.map((answer) => answer.echo().headers.host),
    hosts,
  );
  const asked = sidecar.ads.subscribed("virtualHost").filter((name) => name.endsWith("10.96.0.11:80"));
  assert.equal(asked.length, 1);
});

const slow = async (host: string): Promise<number> =>
  (await sidecar.ask("10.96.0.12:80", host, { path: slowPath })).status;
const webSocket = async (): Promise<string> => {
  const socket = await sidecar.dial("10.96.0.13:80");
  await websocketEcho(socket, "s13", "one");
  await sleep(streamBound * 1.5);
  const echoed = new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
  socket.resume().write("two");
  const text = await echoed;
  socket.destroy();
  return text;
};

test("the bound on waiting does not bound a slow answer or a WebSocket, whichever way they were routed", async () => {
  const first = Promise.all([slow("unknown"), webSocket()]);
  await until(() => sidecar.ads.subscribed("endpoints").includes("http|10.96.0.12:80"), "the first look-up");
  assert.deepEqual(await Promise.all([slow("s12"), slow("unknown")]), [200, 200]);
  assert.deepEqual(await first, [200, "two"]);
});

test("cluster, endpoints and virtual host sent together save the questions", async () => {
  const seen = sidecar.ads.events.length;
  assert.equal((await sidecar.ask("10.96.0.19:80", "s19")).status, 200);
  await until(() => sidecar.ads.subscribed("endpoints").includes("http|10.96.0.19:80"), "the last question");
  const questions = sidecar.ads.events.slice(seen);
  assert.deepEqual(
    questions.flatMap((event) => (event.kind === "subscribe" ? event.type : [])),
    // The endpoints that came behind the cluster are taken, although the question for them was still under way.
    ["virtualHost", "endpoints"],
  );
  assert.deepEqual(sidecar.ads.nacks(), []);
});
