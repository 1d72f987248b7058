// The xDS server over real TLS and gRPC, against a client that follows the protocol.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { Graph, type Source } from "#collections/graph.ts";
import { createGrpcServer } from "#runtime/grpc-server.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { type DeltaClient, type DeltaClientOptions, openDeltaClient } from "#test/helpers/delta-client.ts";
import { until } from "#test/helpers/wait.ts";
import { bearerToken } from "#xds/authentication.ts";
import type { Absent, Provider, Reference, Resource, ResourceName } from "#xds/provider.ts";
import { createXdsServer, type XdsServer, type XdsServerOptions } from "#xds/server.ts";
import { clusterType, endpointsType, listenerType, secretType, virtualHostType } from "#xds/type-urls.ts";

const authority = await createAuthority();

interface Content {
  readonly version: string;
  readonly references?: readonly Reference[];
}

interface Rig {
  readonly graph: Graph;
  /** By `<type URL> <name>`; what is not here does not exist. */
  readonly content: Source<Content>;
  /** By type URL. */
  readonly wildcards: Source<readonly string[]>;
  readonly provider: Provider<string>;
  /** What is known of clients beside their names. */
  readonly audiences: Source<string>;
  readonly server: XdsServer;
  /** How often a resource was encoded. */
  encodings(): number;
  connect(options?: Partial<DeltaClientOptions>): DeltaClient;
}

const cluster = (name: string): ResourceName => ({ typeUrl: clusterType, name });
const virtualHost = (name: string): ResourceName => ({ typeUrl: virtualHostType, name });

async function startRig(context: TestContext, options: Partial<XdsServerOptions<string>> = {}): Promise<Rig> {
  const graph = new Graph();
  const content = graph.source<Content>("content");
  const wildcards = graph.source<readonly string[]>("wildcards");
  const audiences = graph.source<string>("audiences");
  wildcards.apply([
    [clusterType, []],
    [listenerType, []],
  ]);
  let encodings = 0;
  const provider: Provider<string> = {
    resources: graph.demand<Resource | Absent>("resources", (key, fetch) => {
      const [, name = ""] = key.split(" ");
      const found = fetch.get(content, key);
      if (found?.version === "unknown") return undefined;
      if (found === undefined) return { kind: "absent" };
      encodings++;
      const { version, references = [] } = found;
      const encoded = toBinary(ResourceSchema, create(ResourceSchema, { name, version }));
      return {
        kind: "resource",
        name,
        version,
        encoded,
        references,
        origins: [{ kind: "Test", namespace: "", name }],
      };
    }),
    keyOf: (client, { typeUrl, name }) => {
      const audience = audiences.get(client);
      return `${typeUrl} ${name}${audience === undefined ? "" : ` ${audience}`}`;
    },
    audiences,
    audienceKeyOf: (client) => client,
    wildcards: graph.demand("wildcard names", (key, fetch) => fetch.get(wildcards, key)),
    wildcardKeyOf: (_client, typeUrl) => typeUrl,
  };
  const server = createXdsServer<string>({
    provider,
    authenticate: async (metadata) => {
      const token = bearerToken(metadata);
      return token === undefined || token === "bad"
        ? { refused: "no such token" }
        : { client: token, id: token };
    },
    ...options,
  });
  const certificate = await authority.issue({ dns: ["heddle.test"] });
  const grpc = createGrpcServer({
    certificate: { chainPem: certificate.chain, keyPem: certificate.key },
  });
  server.addTo(grpc.services);
  const { port } = await grpc.listen({ host: "127.0.0.1", port: 0 });
  const clients: DeltaClient[] = [];
  context.after(async () => {
    for (const client of clients) client.close();
    await server.close();
    await grpc.close();
  });
  return {
    graph,
    content,
    wildcards,
    audiences,
    provider,
    server,
    encodings: () => encodings,
    connect: (more = {}) => {
      const address = `127.0.0.1:${port}`;
      const client = openDeltaClient({ address, rootPem: authority.root, token: "web", ...more });
      clients.push(client);
      return client;
    },
  };
}

/** A virtual host that routes to clusters. */
function routing(version: string, ...clusters: readonly string[]): Content {
  return { version, references: clusters.map(cluster) };
}

test("a stream without a good token is refused as UNAUTHENTICATED", async (context) => {
  const rig = await startRig(context);
  for (const client of [rig.connect({ token: "bad" }), rig.connect({ token: "" })]) {
    await until(() => client.ended() !== undefined, "the end of the stream");
    assert.equal(client.ended()?.code, 16);
    assert.match(client.ended()?.details ?? "", /no such token/);
  }
  assert.deepEqual(rig.server.proxies(), []);
});

test("a wildcard subscription is answered once all is known, even by nothing, and follows what it means", async (context) => {
  const rig = await startRig(context);
  rig.content.set(`${listenerType} in`, { version: "unknown" });
  rig.wildcards.set(listenerType, ["in"]);
  const client = rig.connect();
  client.subscribe(clusterType, []);
  assert.deepEqual((await client.next()).resources, {});
  client.subscribe(listenerType, []);
  await client.quiet();
  rig.content.set(`${listenerType} in`, { version: "1" });
  assert.deepEqual((await client.next()).resources, { in: "1" });
  rig.content.set(`${listenerType} out`, { version: "1" });
  rig.wildcards.set(listenerType, ["out"]);
  const change = await client.next();
  assert.deepEqual([change.resources, change.removed], [{ out: "1" }, ["in"]]);
});

test("when what is known of a client changes, it gets what is for it now, and nothing that is the same", async (context) => {
  const rig = await startRig(context);
  rig.content.apply([
    [`${clusterType} a`, { version: "1" }],
    [`${clusterType} b`, { version: "1" }],
    [`${clusterType} a testers`, { version: "2" }],
    [`${clusterType} b testers`, { version: "1" }],
  ]);
  const [web, other] = [rig.connect(), rig.connect({ token: "other" })];
  for (const client of [web, other]) {
    client.subscribe(clusterType, ["a", "b"]);
    assert.deepEqual((await client.next()).resources, { a: "1", b: "1" });
  }
  rig.audiences.set("web", "testers");
  assert.deepEqual((await web.next()).resources, { a: "2" });
  rig.content.set(`${clusterType} b testers`, { version: "3" });
  assert.deepEqual((await web.next()).resources, { b: "3" });
  rig.content.set(`${clusterType} b`, { version: "4" });
  assert.deepEqual((await other.next()).resources, { b: "4" });
  await web.quiet();
  rig.audiences.set("web", undefined);
  assert.deepEqual((await web.next()).resources, { a: "1", b: "4" });
});

test("a virtual host's clusters go before it, and leave after the client has accepted that it does not need them", async (context) => {
  const rig = await startRig(context);
  rig.content.apply([
    [`${virtualHostType} web`, routing("1", "a")],
    [`${clusterType} a`, { version: "1" }],
    [`${clusterType} b`, { version: "1" }],
  ]);
  const client = rig.connect();
  client.subscribe(clusterType, []);
  await client.next();
  client.subscribe(virtualHostType, ["web"]);
  assert.deepEqual((await client.next()).resources, { a: "1" });
  assert.deepEqual((await client.next()).resources, { web: "1" });
  rig.content.set(`${virtualHostType} web`, routing("2", "b"));
  assert.deepEqual((await client.next()).resources, { b: "1" });
  assert.deepEqual((await client.next()).resources, { web: "2" });
  assert.deepEqual((await client.next()).removed, ["a"]);
  await client.quiet();
});

test("a changed virtual host waits until its new clusters are accepted, that is warm", async (context) => {
  const rig = await startRig(context);
  rig.content.apply([
    [`${virtualHostType} web`, routing("1", "a")],
    [`${clusterType} a`, { version: "1" }],
    [`${clusterType} b`, { version: "1" }],
  ]);
  const client = rig.connect({ acknowledge: false });
  client.subscribe(clusterType, []);
  client.ack(await client.next());
  client.subscribe(virtualHostType, ["web"]);
  client.ack(await client.next());
  client.ack(await client.next());
  rig.content.set(`${virtualHostType} web`, routing("2", "a", "b"));
  const clusters = await client.next();
  assert.deepEqual(clusters.resources, { b: "1" });
  await client.quiet();
  client.ack(clusters);
  assert.deepEqual((await client.next()).resources, { web: "2" });
});

test("a virtual host waits until the clusters are warm that the client would not wait for", async (context) => {
  const rig = await startRig(context);
  const references: readonly Reference[] = [cluster("a"), { ...cluster("copies"), unawaited: true }];
  rig.content.apply([
    [`${virtualHostType} web`, { version: "1", references }],
    [`${clusterType} a`, { version: "1" }],
    [`${clusterType} copies`, { version: "1" }],
  ]);
  const client = rig.connect({ acknowledge: false });
  client.subscribe(clusterType, []);
  client.ack(await client.next());
  client.subscribe(virtualHostType, ["web"]);
  const clusters = await client.next();
  assert.deepEqual(clusters.resources, { a: "1", copies: "1" });
  await client.quiet();
  client.ack(clusters);
  assert.deepEqual((await client.next()).resources, { web: "1" });
});

test("a cluster waits until the listener is there that its connections pass through, which goes after it", async (context) => {
  const rig = await startRig(context);
  const references: readonly Reference[] = [{ typeUrl: listenerType, name: "relay", unawaited: true }];
  rig.content.apply([
    [`${clusterType} tcp|x`, { version: "1", references }],
    [`${listenerType} relay`, { version: "1" }],
  ]);
  const client = rig.connect({ acknowledge: false });
  client.subscribe(clusterType, []);
  client.ack(await client.next());
  client.subscribe(listenerType, []);
  client.ack(await client.next());
  client.subscribe(clusterType, ["tcp|x"]);
  const listeners = await client.next();
  assert.deepEqual(listeners.resources, { relay: "1" });
  await client.quiet();
  client.ack(listeners);
  const clusters = await client.next();
  assert.deepEqual(clusters.resources, { "tcp|x": "1" });
  client.ack(clusters);
  rig.content.set(`${clusterType} tcp|x`, { version: "2" });
  client.ack(await client.next());
  assert.deepEqual((await client.next()).removed, ["relay"]);
});

test("at most one response of a type is under way; later changes merge into the next", async (context) => {
  const rig = await startRig(context);
  rig.content.set(`${secretType} s`, { version: "1" });
  const client = rig.connect({ acknowledge: false });
  client.subscribe(secretType, ["s"]);
  const first = await client.next();
  rig.content.set(`${secretType} s`, { version: "2" });
  rig.graph.settle();
  rig.content.set(`${secretType} s`, { version: "3" });
  await client.quiet();
  client.ack(first);
  assert.deepEqual((await client.next()).resources, { s: "3" });
});

test("what does not exist is said once, and sent when it comes to be", async (context) => {
  const rig = await startRig(context);
  const client = rig.connect();
  client.subscribe(clusterType, ["*", "tcp|x"]);
  assert.deepEqual((await client.next()).removed, ["tcp|x"]);
  client.subscribe(virtualHostType, ["nowhere"]);
  assert.deepEqual((await client.next()).resources, { nowhere: "absent" });
  await client.quiet();
  rig.content.set(`${clusterType} tcp|x`, { version: "1" });
  assert.deepEqual((await client.next()).resources, { "tcp|x": "1" });
  rig.content.set(`${virtualHostType} nowhere`, { version: "1" });
  assert.deepEqual((await client.next()).resources, { nowhere: "1" });
  rig.content.set(`${virtualHostType} nowhere`, undefined);
  assert.deepEqual((await client.next()).removed, ["nowhere"]);
});

test("all streams share what was encoded once, and it is forgotten with the last of them", async (context) => {
  const rig = await startRig(context);
  rig.content.set(`${endpointsType} a`, { version: "1" });
  const clients = [rig.connect({ token: "x" }), rig.connect({ token: "y" }), rig.connect({ token: "z" })];
  for (const client of clients) client.subscribe(endpointsType, ["a"]);
  for (const client of clients) assert.deepEqual((await client.next()).resources, { a: "1" });
  rig.content.set(`${endpointsType} a`, { version: "2" });
  for (const client of clients) assert.deepEqual((await client.next()).resources, { a: "2" });
  assert.equal(rig.encodings(), 2);
  assert.deepEqual(
    rig.server.proxies().map((proxy) => proxy.id),
    ["x", "y", "z"],
  );
  await until(
    () => rig.server.proxies().every((proxy) => proxy.types[endpointsType]?.held["a"] === "2"),
    "the ACKs",
  );
  for (const client of clients) client.close();
  await until(() => rig.provider.resources.demanded.size === 0, "the end of the demand");
  assert.deepEqual(rig.server.proxies(), []);
});

test("after a reconnection nothing that is unchanged is sent again, and what has vanished is taken away", async (context) => {
  const rig = await startRig(context);
  rig.wildcards.set(clusterType, ["fixed"]);
  rig.content.apply([
    [`${clusterType} fixed`, { version: "1" }],
    [`${clusterType} a`, { version: "1" }],
    [`${virtualHostType} web`, routing("1", "a")],
    [`${endpointsType} a`, { version: "1" }],
  ]);
  const client = rig.connect();
  client.subscribe(clusterType, ["*"], { fixed: "1", a: "1", gone: "1" });
  client.subscribe(endpointsType, ["a", "gone"], { a: "1", gone: "1" });
  // Nothing is said about clusters until the client has said which virtual hosts it uses.
  assert.deepEqual((await client.next()).removed, ["gone"]);
  await client.quiet();
  client.subscribe(virtualHostType, ["web", "old"], { web: "1", old: "1" });
  const answers = [await client.next(), await client.next()];
  assert.deepEqual(
    answers.map(({ type, resources, removed }) => [type, resources, removed]),
    [
      ["Cluster", {}, ["gone"]],
      ["VirtualHost", {}, ["old"]],
    ],
  );
  await client.quiet();
});

test("a client that says nothing of virtual hosts loses stale clusters after the grace", async (context) => {
  const rig = await startRig(context, { reconnectGraceMs: 150 });
  const begin = performance.now();
  const client = rig.connect();
  client.subscribe(clusterType, ["*"], { gone: "1" });
  assert.deepEqual((await client.next()).removed, ["gone"]);
  const ms = performance.now() - begin;
  assert.ok(ms > 140, `after ${ms} ms`);
});

test("a changed cluster is followed by its endpoints though they have not changed, also after a reconnection", async (context) => {
  const rig = await startRig(context);
  rig.wildcards.set(clusterType, ["a"]);
  rig.content.apply([
    [`${clusterType} a`, { version: "2" }],
    [`${endpointsType} a`, { version: "1" }],
  ]);
  const client = rig.connect();
  client.subscribe(clusterType, ["*"], { a: "1" });
  client.subscribe(endpointsType, ["a"], { a: "1" });
  assert.deepEqual((await client.next()).resources, { a: "2" });
  assert.deepEqual((await client.next()).resources, { a: "1" });
  rig.content.set(`${clusterType} a`, { version: "3" });
  assert.deepEqual((await client.next()).resources, { a: "3" });
  assert.deepEqual((await client.next()).resources, { a: "1" });
  await client.quiet();
});

test("of a rejected response the culprit is found, kept back and shown; the rest is delivered", async (context) => {
  const rejected: string[] = [];
  const rig = await startRig(context, { onRejected: (id, { name }) => rejected.push(`${id} ${name}`) });
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) rig.content.set(`${virtualHostType} ${name}`, { version: "1" });
  const client = rig.connect({ acknowledge: false });
  client.subscribe(virtualHostType, names);
  const accepted: Record<string, string> = {};
  const answer = async (): Promise<void> => {
    const response = await client.next();
    if (response.resources["c"] === "1") client.nack(response, "duplicate domain");
    else {
      client.ack(response);
      Object.assign(accepted, response.resources);
    }
  };
  // All five, then a-c with d-e, a-b with c, and what stands in for c.
  for (let i = 0; i < 6; i++) await answer();
  assert.deepEqual(accepted, { a: "1", b: "1", c: "absent", d: "1", e: "1" });
  await client.quiet();
  const [proxy] = rig.server.proxies();
  assert.deepEqual(proxy?.rejections, [
    {
      typeUrl: virtualHostType,
      name: "c",
      message: "duplicate domain",
      origins: [{ kind: "Test", namespace: "", name: "c" }],
    },
  ]);
  assert.deepEqual(rejected, ["web c"]);
  rig.content.set(`${virtualHostType} c`, { version: "2" });
  await answer();
  assert.equal(accepted["c"], "2");
  await until(() => rig.server.proxies()[0]?.rejections.length === 0, "the rejection to be forgotten");
});

test("a client keeps the accepted version of what it then rejects", async (context) => {
  const rig = await startRig(context);
  rig.content.set(`${virtualHostType} a`, { version: "1" });
  const client = rig.connect({ acknowledge: false });
  client.subscribe(virtualHostType, ["a"]);
  client.ack(await client.next());
  rig.content.set(`${virtualHostType} a`, { version: "2" });
  client.nack(await client.next(), "bad");
  await client.quiet();
  assert.deepEqual(rig.server.proxies()[0]?.types[virtualHostType]?.held, { a: "1" });
});

test("what a workload used before goes out ahead, with what it refers to", async (context) => {
  const used: string[] = [];
  const rig = await startRig(context, {
    learned: {
      namesFor: (client) => (client === "web" ? [virtualHost("db"), cluster("tcp|y")] : []),
      used: (client, names) => used.push(...names.map(({ name }) => `${client} ${name}`)),
    },
  });
  rig.content.apply([
    [`${virtualHostType} db`, routing("1", "a")],
    [`${clusterType} a`, { version: "1" }],
    [`${clusterType} tcp|y`, { version: "1" }],
  ]);
  const client = rig.connect();
  client.subscribe(clusterType, []);
  assert.deepEqual((await client.next()).resources, { a: "1", "tcp|y": "1" });
  await client.quiet();
  client.subscribe(virtualHostType, []);
  assert.deepEqual((await client.next()).resources, { db: "1" });
  client.subscribe(virtualHostType, ["new"]);
  await client.next();
  assert.deepEqual(used, ["web new"]);
});

test("beyond the limit goes what was never asked for, and what does not exist is forgotten", async (context) => {
  const rig = await startRig(context, {
    onDemandLimit: 3,
    learned: { namesFor: () => [virtualHost("ahead1"), virtualHost("ahead2")], used: () => {} },
  });
  for (const each of ["ahead1", "ahead2", "a", "b", "c"])
    rig.content.set(`${virtualHostType} ${each}`, { version: "1" });
  const client = rig.connect();
  client.subscribe(clusterType, []);
  await client.next();
  client.subscribe(virtualHostType, []);
  assert.deepEqual((await client.next()).resources, { ahead1: "1", ahead2: "1" });
  client.subscribe(virtualHostType, ["nowhere"]);
  await client.next();
  client.subscribe(virtualHostType, ["a"]);
  const response = await client.next();
  assert.deepEqual([response.resources, response.removed], [{ a: "1" }, ["ahead1", "ahead2"]]);
  client.subscribe(virtualHostType, ["b", "c"]);
  assert.deepEqual((await client.next()).resources, { b: "1", c: "1" });
  await until(() => rig.provider.resources.demanded.size === 3, "the absent name to be forgotten");
  await client.quiet();
});

test("a stream ends when it has reached its age", async (context) => {
  const rig = await startRig(context, { maximumStreamAgeMs: 100 });
  const client = rig.connect();
  client.subscribe(clusterType, []);
  await until(() => client.ended() !== undefined, "the end of the stream");
  assert.equal(client.ended()?.code, 0);
  await until(() => rig.server.proxies().length === 0, "the end of the session");
});

test("a client that does not read makes the server wait, not grow", async (context) => {
  const rig = await startRig(context);
  rig.content.set(`${secretType} s`, { version: "1" });
  const client = rig.connect({ acknowledge: false });
  client.subscribe(secretType, ["s"]);
  await client.next();
  for (let version = 2; version < 50; version++) {
    rig.content.set(`${secretType} s`, { version: String(version) });
    rig.graph.settle();
  }
  await client.quiet();
  assert.equal(client.received.length, 1);
});
