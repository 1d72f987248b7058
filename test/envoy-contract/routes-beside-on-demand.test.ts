// A route configuration may have virtual hosts from the start beside those on demand: when it changes, what was fetched
// stays, and a route may ask whether the address that was dialled is in some ranges.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { OriginalDstSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import { adsSource, extension, type Init, socketAddress } from "#test/helpers/config.ts";
import { startEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { destinationState, missRoute, outboundManager } from "./outbound.ts";
import { onDemand, type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
let sidecar: Sidecar;

/** Answers requests that go nowhere in 10.0.0.0/8. */
function outsideOnly(body: string): Init<typeof RouteSchema> {
  return {
    match: {
      pathSpecifier: { case: "prefix", value: "/" },
      filterState: [
        {
          key: "heddle.ip",
          matcher: {
            case: "addressMatch",
            value: { ranges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }], invertMatch: true },
          },
        },
      ],
    },
    action: {
      case: "directResponse",
      value: { status: 200, body: { specifier: { case: "inlineString", value: body } } },
    },
  };
}

function routes(version: string, hosts: readonly string[]): AdsResource {
  return ads(
    "routes",
    RouteConfigurationSchema,
    {
      name: "outbound",
      vhds: { configSource: { ...adsSource, initialFetchTimeout: { seconds: 0n, nanos: 1_000_000 } } },
      virtualHosts: [
        ...hosts.map((host) => ({ name: host, domains: [host], routes: [outsideOnly(host), missRoute] })),
        { name: "miss", domains: ["*"], routes: [outsideOnly("others"), missRoute] },
      ],
    },
    { version },
  );
}

const listener = ads("listener", ListenerSchema, {
  name: "outbound",
  address: socketAddress("127.0.0.1", 15001),
  listenerFilters: [extension("envoy.filters.listener.original_dst", OriginalDstSchema, {})],
  filterChains: [
    {
      name: "http",
      filters: [destinationState, outboundManager()],
    },
  ],
});

const known = { "10.96.0.1:80": { domains: ["web.shop"], endpoint: "127.0.0.1:8080" } };

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(startEcho(await pod.listen(8080), "app"), (app) => app.close());
  sidecar = await startSidecar(
    stack,
    pod,
    onDemand(known, {}, (type) => {
      if (type === "listener") return [listener];
      return type === "routes" ? [routes("1", ["a.example.com"])] : undefined;
    }),
  );
});

test("the Host decides outside of the ranges, and the address inside", async () => {
  const bodies = async (destination: string) => {
    const hosts = ["a.example.com", "b.example.com"];
    return Promise.all(hosts.map(async (host) => (await sidecar.ask(destination, host)).body));
  };
  assert.deepEqual(await bodies("192.0.2.1:80"), ["a.example.com", "others"]);
  for (const body of await bodies("10.96.0.1:80")) assert.match(body, /"app"/);
});

test("virtual hosts that were fetched stay when the configuration changes", async () => {
  assert.match((await sidecar.ask("10.96.0.1:80", "web.shop")).body, /"app"/);
  const asked = sidecar.ads.subscribed("virtualHost").length;
  sidecar.ads.send([routes("2", ["b.example.com"])]);
  await until(
    async () => (await sidecar.ask("192.0.2.1:80", "b.example.com")).body === "b.example.com",
    "the new host",
  );
  assert.equal((await sidecar.ask("192.0.2.1:80", "a.example.com")).body, "others");
  assert.match((await sidecar.ask("10.96.0.1:80", "web.shop")).body, /"app"/);
  assert.equal(sidecar.ads.subscribed("virtualHost").length, asked);
});
