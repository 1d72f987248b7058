// Heddle's own xDS server with the real Envoy: what the server assumes of its client, seen on the client.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { toBinary } from "@bufbuild/protobuf";
import { Cluster_LbPolicy } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { ResourceSchema } from "@heddle/envoy-api/envoy/service/discovery/v3/discovery";
import { Graph } from "#collections/graph.ts";
import { createGrpcServer, type GrpcServer } from "#runtime/grpc-server.ts";
import { type AdsResource, ads, adsTypes } from "#test/helpers/ads.ts";
import { createAuthority } from "#test/helpers/certificates.ts";
import { adsBootstrap, socketAddress, xdsCluster } from "#test/helpers/config.ts";
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";
import { freePort } from "#test/helpers/free-port.ts";
import { request, startEcho } from "#test/helpers/http.ts";
import { until } from "#test/helpers/wait.ts";
import { bearerToken } from "#xds/authentication.ts";
import type { Absent, Provider, Resource, ResourceName } from "#xds/provider.ts";
import { createXdsServer, type XdsServer, type XdsServerOptions } from "#xds/server.ts";
import { clusterType, endpointsType, listenerType, virtualHostType } from "#xds/type-urls.ts";
import {
  destinationState,
  edsCluster,
  endpoints,
  outboundManager,
  outboundRoutes,
  virtualHost,
} from "./outbound.ts";

const authority = await createAuthority();
const certificate = await authority.issue({ dns: ["heddle.test"] });

/** A resource of the tests with what it refers to. */
interface Content extends AdsResource {
  readonly references?: readonly ResourceName[];
}

/** A control plane of one graph; it can be stopped and replaced by another on the same port, as after a crash. */
class ControlPlane {
  readonly graph = new Graph();
  readonly content = this.graph.source<Content>("content");
  readonly rejections: string[] = [];
  readonly #options: Partial<XdsServerOptions<string>>;
  #server: XdsServer | undefined;
  #grpc: GrpcServer | undefined;
  /** The same for each start, and one that no connection gets while the server is away. */
  #port: number | undefined;

  constructor(options: Partial<XdsServerOptions<string>> = {}) {
    this.#options = options;
  }

  get proxies() {
    return this.#server?.proxies() ?? [];
  }

  held(typeUrl: string): readonly string[] {
    return Object.keys(this.proxies[0]?.types[typeUrl]?.held ?? {});
  }

  set(...contents: readonly Content[]): void {
    this.content.apply(contents.map((each) => [keyOf(each), each]));
  }

  remove(type: string, name: string): void {
    this.content.set(`${type} ${name}`, undefined);
  }

  /** Resolves to the port. */
  async start(): Promise<number> {
    this.#server = createXdsServer<string>({
      provider: this.#provider(),
      authenticate: async (metadata) =>
        bearerToken(metadata) === "token" ? { client: "pod", id: "pod" } : { refused: "no such token" },
      onRejected: (_id, rejection) => this.rejections.push(`${rejection.name}: ${rejection.message}`),
      ...this.#options,
    });
    this.#grpc = createGrpcServer({
      certificate: { chainPem: certificate.chain, keyPem: certificate.key },
    });
    this.#server.addTo(this.#grpc.services);
    this.#port ??= await freePort();
    await this.#grpc.listen({ host: "127.0.0.1", port: this.#port });
    return this.#port;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#grpc?.close();
    this.#server = undefined;
  }

  #provider(): Provider<string> {
    const suffix = `of server ${++servers}`;
    return {
      resources: this.graph.demand<Resource | Absent>(`resources ${suffix}`, (key, fetch) => {
        const found = fetch.get(this.content, key);
        return found === undefined ? { kind: "absent" } : encode(found);
      }),
      keyOf: (_client, { typeUrl, name }) => `${typeUrl} ${name}`,
      audiences: this.graph.source(`audiences ${suffix}`),
      audienceKeyOf: (client) => client,
      // Fixed in these tests: the listeners there are, and no clusters but those referred to.
      wildcards: this.graph.demand(`wildcard names ${suffix}`, (typeUrl, fetch) =>
        typeUrl !== listenerType
          ? []
          : fetch
              .all(this.content)
              .filter((each) => each.type === "listener")
              .map((each) => each.resource.name),
      ),
      wildcardKeyOf: (_client, typeUrl) => typeUrl,
    };
  }
}

let servers = 0;

function keyOf({ type, resource }: AdsResource): string {
  return `${adsTypes[type]} ${resource.name}`;
}

function encode({ resource, references = [] }: Content): Resource {
  const { name, version } = resource;
  const encoded = toBinary(ResourceSchema, resource);
  return { kind: "resource", name, version, encoded, references, origins: [] };
}

function versioned(content: Content, version: string): Content {
  return { ...content, resource: { ...content.resource, version } };
}

/** Envoy with one connection manager on two ports, whose addresses are the destinations; and two applications. */
interface Mesh {
  readonly plane: ControlPlane;
  readonly envoy: Envoy;
  readonly ports: readonly [number, number];
  readonly destinations: readonly [string, string];
  readonly apps: Readonly<Record<"one" | "two", string>>;
  readonly get: (port: number, host?: string) => Promise<{ readonly status: number; readonly app: string }>;
}

async function listening(): Promise<{ readonly listener: net.Server; readonly port: number }> {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  return { listener, port: (listener.address() as net.AddressInfo).port };
}

async function startApp(name: string, running: { close(): void }[]): Promise<string> {
  const { listener, port } = await listening();
  running.push(listener, startEcho(listener, name));
  return `127.0.0.1:${port}`;
}

function bootstrap(port: number): object {
  const more = {
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni: "heddle.test",
        common_tls_context: {
          tls_params: { tls_maximum_protocol_version: "TLSv1_3", tls_minimum_protocol_version: "TLSv1_3" },
          alpn_protocols: ["h2"],
          validation_context: { trusted_ca: { inline_string: authority.root } },
        },
      },
    },
  };
  const base = adsBootstrap("/unused") as { dynamic_resources: { ads_config: { grpc_services: object[] } } };
  const [service] = base.dynamic_resources.ads_config.grpc_services;
  const grpcService = { ...service, initial_metadata: [{ key: "authorization", value: "Bearer token" }] };
  return {
    ...base,
    dynamic_resources: {
      ...base.dynamic_resources,
      ads_config: { ...base.dynamic_resources.ads_config, grpc_services: [grpcService] },
    },
    static_resources: {
      clusters: [xdsCluster({ socket_address: { address: "127.0.0.1", port_value: port } }, { more })],
    },
  };
}

async function startMesh(context: TestContext, options?: Partial<XdsServerOptions<string>>): Promise<Mesh> {
  const running: { close(): void }[] = [];
  const plane = new ControlPlane(options);
  const apps = { one: await startApp("one", running), two: await startApp("two", running) };
  const ports = [await freePort(), await freePort()] as const;
  for (const [at, port] of ports.entries())
    plane.set(
      ads("listener", ListenerSchema, {
        name: `listener${at}`,
        address: socketAddress("127.0.0.1", port),
        filterChains: [{ filters: [destinationState, outboundManager({ lookUpMs: 60_000 })] }],
      }),
    );
  plane.set(outboundRoutes);
  const envoy = await startEnvoy(bootstrap(await plane.start()));
  context.after(async () => {
    await envoy.stop();
    await plane.stop();
    for (const app of running) app.close();
  });
  await until(() => envoy.isListening("listener1"), "the listeners");
  return {
    plane,
    envoy,
    ports,
    destinations: [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports[1]}`],
    apps,
    get: async (port, host = "web.shop") => {
      const agent = new http.Agent();
      const answer = await request(net.connect(port, "127.0.0.1"), { headers: { host } });
      agent.destroy();
      return { status: answer.status, app: answer.status === 200 ? answer.echo().app : "" };
    },
  };
}

async function hasCluster(envoy: Envoy, name: string): Promise<boolean> {
  return (await envoy.admin("/clusters")).split("\n").some((line) => line.startsWith(`${name}::`));
}

/** A virtual host for a destination with the clusters that its route names. */
function routed(
  destination: string,
  cluster: string,
  version = "1",
  domains: readonly string[] = [],
): Content {
  return {
    ...virtualHost({ destination, domains, cluster, version }),
    references: [{ typeUrl: clusterType, name: cluster }],
  };
}

test("virtual hosts, clusters and endpoints come on demand, by destination", async (context) => {
  const { plane, destinations, ports, apps, get } = await startMesh(context);
  plane.set(
    routed(destinations[0], "one"),
    routed(destinations[1], "two"),
    edsCluster("one"),
    edsCluster("two"),
    endpoints("one", apps.one),
    endpoints("two", apps.two),
  );
  assert.deepEqual(plane.held(virtualHostType), []);
  assert.deepEqual(plane.held(clusterType), []);
  const start = performance.now();
  assert.deepEqual(await get(ports[0]), { status: 200, app: "one" });
  context.diagnostic(`first request: ${(performance.now() - start).toFixed(1)} ms`);
  const hosts = () => plane.held(virtualHostType).join();
  await until(() => hosts() === `outbound/${destinations[0]}`, "the acknowledgement of the virtual host");
  await until(() => plane.held(clusterType).join() === "one", "the acknowledgement of the cluster");
  assert.deepEqual(await get(ports[1]), { status: 200, app: "two" });
});

test("a destination that does not exist is answered, and served when it comes to be", async (context) => {
  const { plane, destinations, ports, apps, get } = await startMesh(context);
  // Nothing bounds the wait for a virtual host here: an answer means that the control plane has said something.
  assert.equal((await get(ports[0])).status, 404);
  plane.set(routed(destinations[0], "one"), edsCluster("one"), endpoints("one", apps.one));
  await until(async () => (await get(ports[0])).status === 200, "the destination to be served");
});

test("a route changes to a new cluster without a failed request, and the old cluster goes when it vanishes", async (context) => {
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context);
  plane.set(routed(destinations[0], "one"), edsCluster("one"), endpoints("one", apps.one));
  await get(ports[0]);
  const seen = new Set<string>();
  const stop = new AbortController();
  const load = (async () => {
    while (!stop.signal.aborted) {
      const { status, app } = await get(ports[0]);
      seen.add(`${status} ${app}`);
    }
  })();
  plane.set(edsCluster("two"), endpoints("two", apps.two), routed(destinations[0], "two", "2"));
  await until(() => seen.has("200 two"), "the new route");
  plane.remove(clusterType, "one");
  await until(async () => !(await hasCluster(envoy, "one")), "the old cluster to go");
  stop.abort();
  await load;
  assert.deepEqual([...seen].sort(), ["200 one", "200 two"]);
});

test("a changed cluster is warm at once though its endpoints have not changed", async (context) => {
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context);
  plane.set(routed(destinations[0], "one"), edsCluster("one"), endpoints("one", apps.one));
  await get(ports[0]);
  plane.set(versioned(edsCluster("one", { altStatName: "renamed" }), "2"));
  await until(async () => (await envoy.stat("cluster.renamed.membership_total")) === 1, "the new cluster");
  assert.equal((await get(ports[0])).status, 200);
});

test("a cluster whose endpoints do not exist is answered by 503 and holds up no other", async (context) => {
  const { plane, destinations, ports, apps, get } = await startMesh(context);
  plane.set(
    routed(destinations[0], "one"),
    routed(destinations[1], "two"),
    edsCluster("one"),
    edsCluster("two"),
    endpoints("two", apps.two),
  );
  const start = performance.now();
  assert.equal((await get(ports[0])).status, 503);
  assert.deepEqual(await get(ports[1]), { status: 200, app: "two" });
  assert.ok(performance.now() - start < 30_000, "nobody has waited as long as a cluster is looked up");
  plane.set(endpoints("one", apps.one));
  await until(async () => (await get(ports[0])).status === 200, "the endpoints");
});

test("a new control plane sends what has changed and nothing else, and fails no request", async (context) => {
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context);
  plane.set(
    routed(destinations[0], "one"),
    routed(destinations[1], "two"),
    edsCluster("one"),
    edsCluster("two"),
    endpoints("one", apps.one),
    endpoints("two", apps.two),
  );
  assert.equal((await get(ports[0])).status, 200);
  assert.equal((await get(ports[1])).status, 200);
  const updates = async (): Promise<readonly number[]> =>
    Promise.all(
      ["cluster_manager.cds", "listener_manager.lds", "cluster.one", "cluster.two"].map((prefix) =>
        envoy.stat(`${prefix}.update_success`),
      ),
    );
  // The first request is served before the last answer has come.
  const isHeld = (type: string) => plane.held(type).length === 2;
  await until(
    () => [listenerType, clusterType, endpointsType, virtualHostType].every(isHeld),
    "the acknowledgements",
  );
  let before = await updates();
  await until(async () => {
    const last = before;
    await sleep(500);
    before = await updates();
    return isDeepStrictEqual(before, last);
  }, "the last answer");
  await plane.stop();
  assert.equal((await get(ports[0])).status, 200);
  await plane.start();
  await until(() => plane.held(virtualHostType).length === 2, "the virtual hosts to be subscribed to again");
  await until(() => plane.held(clusterType).length === 2, "the clusters to be known again");
  await sleep(2_500);
  assert.deepEqual(await updates(), before);
  assert.deepEqual(
    [await get(ports[0]), await get(ports[1])].map(({ app }) => app),
    ["one", "two"],
  );

  // While it is away, one destination goes and the cluster of the other changes.
  await plane.stop();
  plane.remove(virtualHostType, `outbound/${destinations[1]}`);
  plane.remove(clusterType, "two");
  plane.set(versioned(edsCluster("one", { altStatName: "renamed" }), "2"));
  await plane.start();
  await until(async () => (await envoy.stat("cluster.renamed.membership_total")) === 1, "the new cluster");
  await until(async () => !(await hasCluster(envoy, "two")), "the vanished cluster to go");
  assert.equal((await get(ports[0])).status, 200);
  assert.equal((await get(ports[1])).status, 404);
});

test("of two virtual hosts that claim one domain the second is kept back, and the first serves", async (context) => {
  const { plane, destinations, ports, apps, get } = await startMesh(context);
  const clash = ["clash.shop"];
  plane.set(
    routed(destinations[0], "one", "1", clash),
    routed(destinations[1], "two", "1", clash),
    edsCluster("one"),
    edsCluster("two"),
    endpoints("one", apps.one),
    endpoints("two", apps.two),
  );
  assert.equal((await get(ports[0])).status, 200);
  assert.equal((await get(ports[1])).status, 404);
  assert.equal(plane.rejections.length, 1);
  assert.match(plane.rejections[0] ?? "", new RegExp(`outbound/${destinations[1]}: .*clash`));
  plane.set(routed(destinations[1], "two", "2"));
  await until(async () => (await get(ports[1])).status === 200, "the repaired virtual host");
});

test("a cluster that Envoy refuses after it has begun to make it stands in no other's way", async (context) => {
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context);
  // What is wrong with the size of the table is found last, and the cluster stays behind as one that warms: while there
  // are such, Envoy acknowledges no clusters.
  const late = edsCluster("one", {
    lbPolicy: Cluster_LbPolicy.MAGLEV,
    lbConfig: { case: "maglevLbConfig", value: { tableSize: 100n } },
  });
  plane.set(routed(destinations[0], "one"), late, endpoints("one", apps.one));
  const start = performance.now();
  assert.equal((await get(ports[0])).status, 503);
  assert.ok(performance.now() - start < 30_000, "it was answered before its cluster was given up");
  assert.match(plane.rejections.join(), /one: .*prime/);
  await until(async () => (await envoy.stat("cluster_manager.warming_clusters")) === 0, "it to be gone");
  plane.set(routed(destinations[1], "two"), edsCluster("two"), endpoints("two", apps.two));
  assert.equal((await get(ports[1])).status, 200);
  plane.set(versioned(edsCluster("one"), "2"));
  await until(async () => (await get(ports[0])).status === 200, "the repaired cluster");
});

test("Envoy asks once for a name: what goes and comes back must be sent without being asked for", async (context) => {
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context);
  plane.set(routed(destinations[0], "one"), edsCluster("one"), endpoints("one", apps.one));
  assert.equal((await get(ports[0])).status, 200);
  plane.remove(virtualHostType, `outbound/${destinations[0]}`);
  await until(async () => (await get(ports[0])).status === 404, "the destination to go");
  // Not before: a request whose cluster has gone waits for one to come.
  plane.remove(clusterType, "one");
  await until(async () => !(await hasCluster(envoy, "one")), "the cluster to go");
  plane.set(routed(destinations[0], "one"), edsCluster("one"));
  await until(async () => (await get(ports[0])).status === 200, "the destination to be back");
});

test("what a workload used before is there before its first request", async (context) => {
  let destination = "";
  const { plane, envoy, destinations, ports, apps, get } = await startMesh(context, {
    learned: {
      namesFor: () => [{ typeUrl: virtualHostType, name: `outbound/${destination}` }],
      used: () => {},
    },
    // Envoy connects anew once the destination is known.
    maximumStreamAgeMs: 500,
  });
  destination = destinations[0];
  plane.set(routed(destination, "one"), edsCluster("one"), endpoints("one", apps.one));
  await until(
    async () => (await envoy.stat("cluster.one.membership_total")) === 1,
    "the endpoints sent ahead",
  );
  await until(() => plane.held(virtualHostType).length === 1, "the virtual host sent ahead");
  assert.deepEqual(await get(ports[0]), { status: 200, app: "one" });
});
