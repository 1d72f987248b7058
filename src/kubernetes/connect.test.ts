// The client against a server that answers as an API server may.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { KubernetesClient, KubernetesError } from "./client.ts";
import { connectKubernetes } from "./connect.ts";
import { openTransport } from "./transport.ts";

const directory = mkdtempSync(join(tmpdir(), "heddle-connect-"));
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
const requests: { readonly method: string; readonly url: string; readonly type: string; body: string }[] = [];
const server = createServer((request, response) => {
  const seen = {
    method: request.method ?? "",
    url: request.url ?? "",
    type: request.headers["content-type"] ?? request.headers.accept ?? "",
    body: "",
  };
  requests.push(seen);
  request.on("data", (chunk: Buffer) => (seen.body += chunk.toString()));
  request.on("end", () => answer(request, response));
});
let client: KubernetesClient;

function connectTo(target: number): Promise<KubernetesClient> {
  const kubeconfig = join(directory, `${target}.json`);
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c" } }],
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${target}/clusters/one` } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return connectKubernetes({ kubeconfig });
}

function port(): number {
  return (server.address() as { readonly port: number }).port;
}

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  client = await connectTo(port());
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true });
});

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function errorOf(promise: Promise<unknown>): Promise<KubernetesError> {
  return promise.then(
    () => assert.fail("it should have failed"),
    (error: KubernetesError) => error,
  );
}

test("the path of a server is kept, and parameters are encoded", async () => {
  answer = (_request, response) => json(response, 200, { items: [] });
  requests.length = 0;
  await client.request("GET", "/api/v1/pods", { query: { labelSelector: "a=b,c in (d)" } });
  assert.equal(requests[0]?.url, "/clusters/one/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29");
});

test("an error has the status, the reason and the message of the server", async () => {
  answer = (_request, response) =>
    json(response, 409, { kind: "Status", reason: "Conflict", message: "somebody else has changed it" });
  const { status, reason, message } = await errorOf(client.request("GET", "/x"));
  assert.deepEqual([status, reason, message], [409, "Conflict", "somebody else has changed it"]);
});

test("an answer that does not come from an API server is quoted with its address", async () => {
  answer = (_request, response) => response.writeHead(502).end("<html>bad\nluck");
  const { status, message } = await errorOf(client.request("GET", "/x"));
  assert.equal(status, 502);
  assert.equal(message, `the API server http://127.0.0.1:${port()} answers 502: <html>bad`);
});

test("a server that is busy is asked again when it says", async () => {
  let busy = 2;
  answer = (_request, response) => {
    if (busy-- > 0) json(response, 429, { message: "too many requests" }, { "retry-after": "0" });
    else json(response, 200, { done: true });
  };
  assert.deepEqual(await client.request("POST", "/x", { body: {} }), { done: true });
});

test("no connection is told with the name of the server", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port: unused } = closed.address() as { readonly port: number };
  closed.close();
  const error = await errorOf((await connectTo(unused)).request("GET", "/x"));
  assert.deepEqual([error.status, error.reason], [0, "ECONNREFUSED"]);
  assert.match(
    error.message,
    new RegExp(`^the API server http://127.0.0.1:${unused} refuses connections; is`),
  );
});

test("a server that says nothing is told", async () => {
  answer = () => {};
  const send = openTransport({
    server: new URL(`http://127.0.0.1:${port()}`),
    namespace: "default",
    credentials: async () => ({}),
  });
  const error = await errorOf(send({ method: "GET", path: "/x", silenceMs: 20 }));
  assert.equal(
    error.message,
    `the API server http://127.0.0.1:${port()} does not answer in time (nothing came)`,
  );
});

test("apply finds out once where a kind is, and says what it does not find", async () => {
  answer = (request, response) => {
    if (request.url === "/clusters/one/apis/apps/v1") {
      const resources = [
        { name: "deployments", kind: "Deployment", namespaced: true },
        { name: "deployments/scale", kind: "Scale", namespaced: true },
      ];
      json(response, 200, { resources });
    } else if (request.method === "PATCH") json(response, 200, { applied: true });
    else json(response, 404, { reason: "NotFound", message: "not found" });
  };
  requests.length = 0;
  const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" } };
  const options = { fieldManager: "test", force: true, subresource: "status", dryRun: true } as const;
  await client.apply(object, options);
  await client.apply(object, { fieldManager: "test" });
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url}`),
    [
      "GET /clusters/one/apis/apps/v1",
      "PATCH /clusters/one/apis/apps/v1/namespaces/shop/deployments/web/status?fieldManager=test&force=true&dryRun=All",
      "PATCH /clusters/one/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=test",
    ],
  );
  assert.equal(requests[1]?.type, "application/apply-patch+yaml");
  assert.deepEqual(JSON.parse(requests[1]?.body ?? ""), object);
  const { message } = await errorOf(
    client.apply({ ...object, apiVersion: "example.com/v1" }, { fieldManager: "test" }),
  );
  assert.equal(message, "the API server has no kind Deployment in example.com/v1");
});

test("a watch gives its events however they are cut into pieces, and throws what ends it", async () => {
  const events = [
    { type: "ADDED", object: { metadata: { name: "ä".repeat(50) } } },
    { type: "DELETED", object: { metadata: { name: "b" } } },
    { type: "ERROR", object: { code: 410, reason: "Expired", message: "too old" } },
  ];
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  answer = (_request, response) => {
    for (let from = 0; from < bytes.length; from += 7) response.write(bytes.subarray(from, from + 7));
    response.end();
  };
  const seen: unknown[] = [];
  const error = await errorOf(
    (async () => {
      for await (const event of await client.watch("/x", { query: { resourceVersion: "1" } }))
        seen.push(event);
    })(),
  );
  assert.deepEqual(seen, events.slice(0, 2));
  assert.deepEqual([error.status, error.reason, error.message], [410, "Expired", "too old"]);
  assert.equal(requests.at(-1)?.url, "/clusters/one/x?resourceVersion=1&watch=true");
});

test("a watch whose connection breaks throws, and one that is not accepted does not begin", async () => {
  answer = (request, response) => {
    response.write('{"type":"ADDED","object":{"metadata":{"na');
    setImmediate(() => request.socket.destroy());
  };
  const broken = (async () => {
    for await (const event of await client.watch("/x", {})) assert.fail(`no event is whole: ${event.type}`);
  })();
  assert.equal((await errorOf(broken)).reason, "ECONNRESET");
  answer = (_request, response) => json(response, 403, { reason: "Forbidden", message: "no" });
  assert.equal((await errorOf(client.watch("/x", { metadataOnly: true }))).reason, "Forbidden");
  assert.equal(requests.at(-1)?.type, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
});
