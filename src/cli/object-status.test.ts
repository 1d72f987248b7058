import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { kindsNamed, type ObjectWithStatus, objectStatus } from "./object-status.ts";
import { statusDetail, statusRow } from "./status-table.ts";

const condition = (type: string, status: string, reason: string, message = "") => ({
  type,
  status,
  reason,
  message,
});

function route(conditions: ReturnType<typeof condition>[]): ObjectWithStatus {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "reviews", namespace: "shop" },
    status: { parents: [{ parentRef: { kind: "Service", name: "reviews" }, conditions }] },
  };
}

const counts = [
  { object: { kind: "HTTPRoute", namespace: "shop", name: "reviews" }, acknowledged: 3, proxies: 4 },
  { object: { kind: "HTTPRoute", namespace: "other", name: "reviews" }, acknowledged: 9, proxies: 9 },
];
const plain = (cells: readonly string[]) => cells.map(stripVTControlCharacters);

test("a route that is all right says what holds, and how many proxies have it", () => {
  const status = objectStatus(
    route([condition("Accepted", "True", "Accepted"), condition("ResolvedRefs", "True", "ResolvedRefs")]),
    counts,
  );
  assert.deepEqual(plain(statusRow(status)), [
    "HTTPRoute",
    "shop",
    "reviews",
    "Accepted,ResolvedRefs",
    "3/4",
  ]);
});

test("what is wrong comes first, and in detail with its parent and its words", () => {
  const message = "there is no Service ratings";
  const status = objectStatus(
    route([
      condition("Accepted", "True", "Accepted"),
      condition("ResolvedRefs", "False", "BackendNotFound", message),
    ]),
    [],
  );
  assert.deepEqual(plain(statusRow(status)), [
    "HTTPRoute",
    "shop",
    "reviews",
    "ResolvedRefs: BackendNotFound",
    "-",
  ]);
  assert.deepEqual(stripVTControlCharacters(statusDetail(status)).split("\n"), [
    "HTTPRoute shop/reviews",
    "  ✓ Service reviews: Accepted True (Accepted)",
    "  ✗ Service reviews: ResolvedRefs False (BackendNotFound) there is no Service ratings",
    "  proxies that have it: -",
    "",
  ]);
});

test("conditions that are bad news when they hold are told as such", () => {
  const good = objectStatus(
    route([condition("Accepted", "True", "Accepted"), condition("Conflicted", "False", "NoConflicts")]),
    counts,
  );
  assert.equal(plain(statusRow(good))[3], "Accepted");
  const bad = objectStatus(route([condition("Conflicted", "True", "HostnameConflict")]), counts);
  assert.equal(plain(statusRow(bad))[3], "Conflicted: HostnameConflict");
});

test("a kind is named as kubectl takes it, and what two APIs have is both", () => {
  const named = (wanted: string) => kindsNamed(wanted).join();
  assert.equal(named("HTTPRoutes"), "HTTPRoute");
  assert.equal(named("serviceentries"), "ServiceEntry");
  assert.equal(named("vs"), "VirtualService");
  assert.equal(named("gw"), "Gateway.networking.istio.io");
  assert.equal(named("gateway"), "Gateway,Gateway.networking.istio.io");
  assert.equal(named("gateways.networking.istio.io"), "Gateway.networking.istio.io");
  assert.equal(named("gateway.gateway.networking.k8s.io"), "Gateway");
  assert.throws(() => kindsNamed("pod"), /kind pod has no status; these have one: Gateway, HTTPRoute/);
});
