import assert from "node:assert/strict";
import { test } from "node:test";
import { balancerVersion } from "#model/balancer.ts";
import { clusterType } from "#xds/type-urls.ts";
import { type ConnectedProxy, isOfService, latenciesOf, usersOf } from "./endpoint-latencies.ts";

const reviews = "outbound|80||reviews.shop.svc.cluster.local";

test("a service is named by its name, with its namespace, or by the whole hostname", () => {
  for (const name of ["reviews", "reviews.shop", "reviews.shop.svc.cluster.local"])
    assert.ok(isOfService(reviews, name, undefined), name);
  assert.ok(isOfService(reviews, "reviews", "shop"));
  assert.ok(!isOfService(reviews, "reviews", "other"));
  assert.ok(!isOfService(reviews, "review", undefined));
  assert.ok(!isOfService("inbound|80||", "reviews", undefined));
});

test("its clients are the proxies that have a cluster of it", () => {
  const proxy = (id: string, cluster: string, metadata: object): ConnectedProxy => ({
    id,
    node: { version: "1.40.0", metadata: { ...metadata } },
    types: { [clusterType]: { held: { [cluster]: "1" } } },
  });
  const proxies = [
    proxy("web-1.shop", reviews, { balancer: balancerVersion }),
    proxy("old-1.shop", reviews, {}),
    proxy("api-1.shop", "outbound|80||ratings.shop.svc.cluster.local", {}),
  ];
  assert.deepEqual(usersOf(proxies, "reviews", undefined), [
    { id: "web-1.shop", canBalance: true },
    { id: "old-1.shop", canBalance: false },
  ]);
});

test("a proxy's page has all that it knows, of which one service is wanted", () => {
  const endpoint = { address: "10.0.0.1:8080", latencyMs: 4.2, outstanding: 1, waitMs: 0 };
  const page = [
    { name: reviews, endpoints: [endpoint] },
    { name: "outbound|80||ratings.shop.svc.cluster.local", endpoints: [endpoint] },
  ];
  assert.deepEqual(latenciesOf("web-1.shop", page, "reviews", undefined), [
    { client: "web-1.shop", host: "reviews.shop.svc.cluster.local", port: 80, subset: "", ...endpoint },
  ]);
});
