// What changes of configuration do to connections that are open: a changed listener drains them gracefully, a
// changed filter chain only its own, changed policies none.
import assert from "node:assert/strict";
import http from "node:http";
import type net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
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

const drainSeconds = 2;
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

async function start(stack: AsyncDisposableStack): Promise<Plain> {
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
  const app = startEcho(await plain.namespace.listen(8080), "app", (incoming, response, echo) => {
    setTimeout(() => response.end(JSON.stringify(echo)), incoming.url === "/slow" ? 1_000 : 0);
  });
  stack.adopt(app, () => app.close());
  return plain;
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

describe("a change of the listener itself", () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let plain: Plain;
  before(async () => {
    plain = await start(stack);
  });

  test("drains: Connection: close, GOAWAY, nothing fails, the end of the drain time is the end", async () => {
    const { agent, connections } = keptAlive(plain, ports.one);
    const session = http2Session(await plain.namespace.connect("127.0.0.1", ports.one));
    const idle = await plain.namespace.connect("127.0.0.1", ports.one);
    let goaway = false;
    let isIdleClosed = false;
    session.on("goaway", () => (goaway = true));
    idle.resume().on("close", () => (isIdleClosed = true));
    assert.equal((await get(agent)).status, 200);
    assert.equal((await request2(session)).status, 200);
    const slow = [request2(session, { path: "/slow" }), get(keptAlive(plain, ports.one).agent, "/slow")];
    await sleep(100);
    plain.ads.send([listener({ version: "2", draining: true })]);
    await until(
      async () => (await plain.envoy.stat("listener_manager.total_listeners_draining")) === 1,
      "draining",
    );
    assert.equal((await get(agent)).headers.connection, "close");
    for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
    await until(() => goaway, "GOAWAY");
    assert.ok(!isIdleClosed, "an idle connection stays until the end of the drain time");
    assert.equal((await get(agent)).headers.connection, undefined);
    assert.equal(connections(), 2);
    await until(() => isIdleClosed, "the idle connection to be closed", drainSeconds * 2_000);
    agent.destroy();
  });

  test("under load no request fails", async () => {
    const agents = Array.from({ length: 8 }, () => keptAlive(plain, ports.one));
    const load = { isDone: false, count: 0 };
    const clients = agents.map(async ({ agent }) => {
      for (; !load.isDone; load.count++) assert.equal((await get(agent)).status, 200);
      agent.destroy();
    });
    for (const version of ["3", "4", "5"]) {
      await sleep(300);
      plain.ads.send([listener({ version, draining: version === "4" })]);
    }
    await sleep(drainSeconds * 1_000);
    load.isDone = true;
    await Promise.all(clients);
    assert.ok(load.count > 100);
    assert.ok(agents.every(({ connections }) => connections() >= 3));
  });
});

describe("changes that must not drain", () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let plain: Plain;
  before(async () => {
    plain = await start(stack);
  });

  test("a changed filter chain drains its own connections only", async () => {
    const one = keptAlive(plain, ports.one);
    const two = keptAlive(plain, ports.two);
    for (const { agent } of [one, two]) assert.equal((await get(agent)).status, 200);
    plain.ads.send([listener({ version: "2", two: "two-changed" })]);
    await until(async () => (await get(two.agent)).headers.connection === "close", "chain two to drain");
    await sleep(drainSeconds * 1_000);
    assert.equal((await get(one.agent)).headers.connection, undefined);
    assert.equal(one.connections(), 1);
    assert.equal(await plain.envoy.stat("listener_manager.listener_in_place_updated"), 1);
    for (const { agent } of [one, two]) agent.destroy();
  });

  test("a filter's configuration by ECDS and a route's by RDS take effect on open connections", async () => {
    const { agent, connections } = keptAlive(plain, ports.one);
    const first = await get(agent);
    assert.deepEqual([first.status, first.headers["x-policy"]], [200, "old"]);
    plain.ads.send([rbac("2", RBAC_Action.DENY)]);
    await until(async () => (await get(agent)).status === 403, "the new authorization");
    plain.ads.send([rbac("3", RBAC_Action.ALLOW), routes("2", "new")]);
    await until(async () => (await get(agent)).headers["x-policy"] === "new", "the new route configuration");
    assert.equal((await get(agent)).status, 200);
    assert.equal(connections(), 1);
    agent.destroy();
  });
});
