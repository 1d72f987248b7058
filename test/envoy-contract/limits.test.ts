// What limits rely on in Envoy: filters that come with the routes of a port keep one count for all listeners that have
// these routes, an edit of them leaves connections alone, and what is refused is not sent again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import type { RateLimitView } from "#compile/listener-views.ts";
import { inboundHttpFilters } from "#envoy/filters/slots.ts";
import { adsSource } from "#envoy/messages.ts";
import { inboundClusterName } from "#envoy/names.ts";
import { inboundRoutes } from "#envoy/routes/inbound-routes.ts";
import type { RequestLimit } from "#model/limits.ts";
import { type AdsResource, ads, settle } from "#test/helpers/ads.ts";
import { type extension, socketAddress } from "#test/helpers/config.ts";
import { type Ask, type EchoApp, request, startEcho } from "#test/helpers/http.ts";
import { fixedCluster, type Plain, plainManager, startPlain } from "./plain.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const appPort = 9001;
/** Two listeners of the server with the same routes, and one of a client that repeats whatever fails. */
const ports = { one: 8001, other: 8002, client: 8003 } as const;
let plain: Plain;
let app: EchoApp;

/** In a period in which no token comes back during a test. */
function limits(...all: readonly Partial<RequestLimit>[]): AdsResource {
  const rateLimit: RateLimitView = {
    limits: all.map((limit) => ({ requests: 1, periodMs: 86_400_000, burst: 1, key: [], ...limit })),
    status: 503,
    headers: [],
    origin: { kind: "RateLimit", namespace: "shop", name: "all" },
  };
  return ads("routes", RouteConfigurationSchema, inboundRoutes({ port: appPort, rateLimits: [rateLimit] }));
}

function listener(name: keyof typeof ports, filter: ReturnType<typeof extension>): AdsResource {
  return ads("listener", ListenerSchema, {
    name,
    address: socketAddress("127.0.0.1", ports[name]),
    filterChains: [{ filters: [filter] }],
  });
}

const server = () =>
  plainManager({
    routeSpecifier: {
      case: "rds",
      value: { configSource: adsSource(), routeConfigName: inboundClusterName(appPort) },
    },
    httpFilters: inboundHttpFilters,
  });

const repeating = () =>
  plainManager(
    {},
    {
      action: {
        case: "route",
        value: {
          clusterSpecifier: { case: "cluster", value: "server" },
          retryPolicy: { retryOn: "5xx,gateway-error", numRetries: 3 },
        },
      },
    },
  );

before(async () => {
  plain = await startPlain(
    stack,
    (type) => {
      if (type === "listener")
        return [listener("one", server()), listener("other", server()), listener("client", repeating())];
      if (type === "routes") return [limits({ burst: 3 })];
      return [
        fixedCluster(inboundClusterName(appPort), [`127.0.0.1:${appPort}`]),
        fixedCluster("server", [`127.0.0.1:${ports.one}`]),
      ];
    },
    "client",
  );
  for (const name of ["one", "other"]) await plain.envoy.listening(name);
  app = startEcho(await plain.namespace.listen(appPort), "app");
  stack.adopt(app, () => app.close());
});

async function status(port: number, more: Ask = {}): Promise<number> {
  const socket = await plain.namespace.connect("127.0.0.1", port);
  const answer = await request(socket, {
    ...more,
    headers: { host: "x", connection: "close", ...more.headers },
  });
  return answer.status;
}

test("two listeners with the same routes have one count", async () => {
  const found = [];
  for (const port of [ports.one, ports.other, ports.one, ports.other]) found.push(await status(port));
  assert.deepEqual(found, [200, 200, 200, 503]);
});

test("an edit has effect for the next request, and begins a new count", async () => {
  await settle(plain.ads, [limits({ burst: 1 })]);
  assert.deepEqual([await status(ports.one), await status(ports.one)], [200, 503]);
  assert.equal(await plain.envoy.stat("listener_manager.listener_modified"), 0);
});

test("what is refused is not sent again, whatever the client's policy says", async () => {
  const refused = () => plain.envoy.stat("heddle.http_local_rate_limit.rate_limited");
  const earlier = await refused();
  assert.equal(await status(ports.client), 503);
  assert.equal((await refused()) - earlier, 1);
});

test("a request without the header of a key is counted with others without it", async () => {
  await settle(plain.ads, [limits({ key: [{ kind: "header", name: "x-user" }] })]);
  const of = (user?: string) => status(ports.one, user === undefined ? {} : { headers: { "x-user": user } });
  assert.deepEqual(
    [await of(), await of(), await of("a"), await of("a"), await of("b")],
    [200, 503, 200, 503, 200],
  );
});

test("a request that one of several limits refuses is refused, and no limit is for what matches none", async () => {
  const path = (value: string) => ({
    match: { path: { kind: "pathPrefix", value }, headers: [], queryParameters: [] } as const,
  });
  await settle(plain.ads, [limits({ ...path("/a/"), burst: 3 }, path("/a/b"))]);
  const found = [];
  for (const url of ["/a/b", "/a/b/c", "/a", "/a?b", "/ab", "/ab"]) {
    found.push(await status(ports.one, { path: url }));
  }
  assert.deepEqual(found.slice(0, 3), [200, 503, 200]);
  assert.deepEqual(found.slice(4), [200, 200]);
});
