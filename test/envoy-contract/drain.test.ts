// What changes of configuration do to connections that are open: a changed listener drains them gracefully, a
// changed filter chain only its own, changed policies none.
import assert from "node:assert/strict";
import http from "node:http";
import type net from "node:net";
import { after, before, describe, test } from "node:test";
import { TypedExtensionConfigSchema } from "@heddle/envoy-api/envoy/config/core/v3/extension";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { RBAC_Action } from "@heddle/envoy-api/envoy/config/rbac/v3/rbac";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import { RBACSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import { adsSource, type Init, socketAddress, typedExtension } from "#test/helpers/config.ts";
import { http2Session, request, request2, startEcho } from "#test/helpers/http.ts";
import { until } from "#test/helpers/wait.ts";
import { fixedCluster, type Plain, plainManager, routerFilter, startPlain } from "./plain.ts";

const ports = { one: 8001, two: 8002 } as const;
const rbacType = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/** What a version of the listener differs in. */
interface Version {
  readonly version: string;
  readonly draining?: boolean;
  /** The chain of port `two`, named in its statistics. */
  readonly two?: string;
}

/** Two filter chains chosen by port; authorization comes by ECDS, routes of chain `one` by RDS. */
function listener({ version, draining = false, two = "two" }: Version): AdsResource {
  const authorization = {
    name: "authorization",
    configType: {
      case: "configDiscovery" as const,
      value: { configSource: adsSource, typeUrls: [rbacType] },
    },
  };
  const oneManager = plainManager({
    httpFilters: [authorization, routerFilter],
    routeSpecifier: { case: "rds", value: { configSource: adsSource, routeConfigName: "one" } },
  });
  return ads(
    "listener",
    ListenerSchema,
    {
      name: "inbound",
      address: socketAddress("0.0.0.0", ports.one),
      additionalAddresses: [{ address: socketAddress("0.0.0.0", ports.two) }],
      metadata: { filterMetadata: { heddle: { draining } } },
      filterChains: [
        { name: "one", filterChainMatch: { destinationPort: ports.one }, filters: [oneManager] },
        {
          name: "two",
          filterChainMatch: { destinationPort: ports.two },
          filters: [plainManager({ statPrefix: two })],
        },
      ],
    },
    { version },
  );
}

function rbac(version: string, action: RBAC_Action): AdsResource {
  const policy = {
    permissions: [{ rule: { case: "any" as const, value: true } }],
    principals: [{ identifier: { case: "any" as const, value: true } }],
  };
  const rules: Init<typeof RBACSchema> = { rules: { action, policies: { all: policy } } };
  return ads("extension", TypedExtensionConfigSchema, typedExtension("authorization", RBACSchema, rules), {
    version,
  });
}

function routes(version: string, header: string): AdsResource {
  return ads(
    "routes",
    RouteConfigurationSchema,
    {
      name: "one",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          responseHeadersToAdd: [{ header: { key: "x-policy", value: header } }],
          routes: [
            {
              match: { pathSpecifier: { case: "prefix", value: "/" } },
              action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: "app" } } },
            },
          ],
        },
      ],
    },
    { version },
  );
}

interface Drained extends Plain {
  /** How many requests have reached the application. */
  requests(): number;
  /** Lets the application answer requests for `/slow`. */
  answerSlow(): void;
}

async function start(stack: AsyncDisposableStack, drainSeconds: number): Promise<Drained> {
  const args = ["--drain-time-s", String(drainSeconds), "--drain-strategy", "immediate"];
  const plain = await startPlain(
    stack,
    (type) => {
      if (type === "listener") return [listener({ version: "1" })];
      if (type === "cluster") return [fixedCluster("app", ["127.0.0.1:8080"])];
      if (type === "routes") return [routes("1", "old")];
      return [rbac("1", RBAC_Action.ALLOW)];
    },
    "inbound",
    args,
  );
  const slow: (() => void)[] = [];
  const app = startEcho(await plain.namespace.listen(8080), "app", (incoming, response, echo) => {
    const answer = (): void => void response.end(JSON.stringify(echo));
    if (incoming.url === "/slow") slow.push(answer);
    else answer();
  });
  stack.adopt(app, () => app.close());
  const answerSlow = (): void => {
    for (const answer of slow.splice(0)) answer();
  };
  return { ...plain, requests: () => app.requests(), answerSlow };
}

/** One connection, kept alive; `connections` counts how often a new one was needed. */
interface KeptAlive {
  readonly agent: http.Agent;
  readonly connections: () => number;
}

function keptAlive(plain: Plain, port: number): KeptAlive {
  let count = 0;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = (_options, callback) => {
    count++;
    plain.namespace.connect("127.0.0.1", port).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as net.Socket),
    );
    return undefined;
  };
  return { agent, connections: () => count };
}

const get = (agent: http.Agent, path = "/"): ReturnType<typeof request> =>
  request(agent, { path, headers: { host: "x" } });

const draining = (plain: Plain, what: "listeners" | "filter_chains"): Promise<number> =>
  plain.envoy.stat(`listener_manager.total_${what}_draining`);

describe("with much time to drain", () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let plain: Drained;
  before(async () => {
    plain = await start(stack, 600);
  });

  test("a filter's configuration by ECDS and a route's by RDS take effect on open connections, which stay", async () => {
    const { agent, connections } = keptAlive(plain, ports.one);
    const first = await get(agent);
    assert.deepEqual([first.status, first.headers["x-policy"]], [200, "old"]);
    plain.ads.send([rbac("2", RBAC_Action.DENY)]);
    await until(async () => (await get(agent)).status === 403, "the new authorization");
    plain.ads.send([rbac("3", RBAC_Action.ALLOW), routes("2", "new")]);
    await until(async () => (await get(agent)).headers["x-policy"] === "new", "the new route configuration");
    await until(async () => (await get(agent)).status === 200, "the first authorization again");
    assert.equal(connections(), 1);
    agent.destroy();
  });

  test("a change of the listener drains: Connection: close, GOAWAY, nothing fails, who is idle stays", async () => {
    const { agent, connections } = keptAlive(plain, ports.one);
    const session = http2Session(await plain.namespace.connect("127.0.0.1", ports.one));
    const idle = await plain.namespace.connect("127.0.0.1", ports.one);
    let goaway = false;
    let isIdleClosed = false;
    session.on("goaway", () => (goaway = true));
    idle.resume().on("close", () => (isIdleClosed = true));
    assert.equal((await get(agent)).status, 200);
    assert.equal((await request2(session)).status, 200);
    const reached = plain.requests();
    const slow = [request2(session, { path: "/slow" }), get(keptAlive(plain, ports.one).agent, "/slow")];
    await until(() => plain.requests() === reached + slow.length, "the slow requests to be under way");
    plain.ads.send([listener({ version: "2", draining: true })]);
    await until(async () => (await draining(plain, "listeners")) === 1, "draining");
    assert.equal((await get(agent)).headers.connection, "close");
    plain.answerSlow();
    for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
    await until(() => goaway, "GOAWAY");
    assert.equal((await get(agent)).headers.connection, undefined);
    assert.equal(connections(), 2);
    assert.ok(!isIdleClosed, "an idle connection stays until the end of the drain time");
    idle.destroy();
    agent.destroy();
  });
});

describe("when the time to drain has passed", () => {
  const drainSeconds = 2;
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let plain: Drained;
  before(async () => {
    plain = await start(stack, drainSeconds);
  });

  test("who was idle is cut off, and under load no request fails", async () => {
    const idle = await plain.namespace.connect("127.0.0.1", ports.one);
    const begin = performance.now();
    const idleClosed = new Promise<number>((resolve) =>
      idle.resume().on("close", () => resolve(performance.now() - begin)),
    );
    const agents = Array.from({ length: 8 }, () => keptAlive(plain, ports.one));
    const load = { isDone: false };
    /** How many connections of each have brought an answer: one that is being made may be the next listener's. */
    const answered = agents.map(() => 0);
    const clients = agents.map(async ({ agent, connections }, index) => {
      while (!load.isDone) {
        assert.equal((await get(agent)).status, 200);
        answered[index] = connections();
      }
      agent.destroy();
    });
    const whileAllSucceed = (work: Promise<unknown>): Promise<unknown> => Promise.race([work, ...clients]);
    const connected = (times: number): Promise<void> =>
      until(() => answered.every((count) => count >= times), `${times} connections of each`);
    for (const [index, version] of ["2", "3", "4"].entries()) {
      await whileAllSucceed(connected(index + 1));
      plain.ads.send([listener({ version, draining: version !== "3" })]);
    }
    await whileAllSucceed(connected(4));
    await whileAllSucceed(
      until(async () => (await draining(plain, "listeners")) === 0, "the end of draining"),
    );
    load.isDone = true;
    await Promise.all(clients);
    const idleMs = await idleClosed;
    assert.ok(idleMs > drainSeconds * 990, `an idle connection was closed after ${idleMs} ms`);
  });

  test("a changed filter chain has drained its own connections only", async () => {
    const one = keptAlive(plain, ports.one);
    const two = keptAlive(plain, ports.two);
    for (const { agent } of [one, two]) assert.equal((await get(agent)).status, 200);
    plain.ads.send([listener({ version: "5", draining: true, two: "two-changed" })]);
    await until(async () => (await get(two.agent)).headers.connection === "close", "chain two to drain");
    await until(async () => (await draining(plain, "filter_chains")) === 0, "the end of draining");
    assert.equal((await get(one.agent)).headers.connection, undefined);
    assert.equal(one.connections(), 1);
    assert.equal(await plain.envoy.stat("listener_manager.listener_in_place_updated"), 1);
    for (const { agent } of [one, two]) agent.destroy();
  });
});
