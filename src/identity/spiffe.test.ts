import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpiffeId, parseWorkloadDnsName, spiffeId, workloadDnsName } from "./spiffe.ts";

test("a SPIFFE ID is read back as it was written", () => {
  const id = spiffeId("cluster.local", "shop", "cart");
  assert.equal(id, "spiffe://cluster.local/ns/shop/sa/cart");
  assert.deepEqual(parseSpiffeId(id), {
    trustDomain: "cluster.local",
    namespace: "shop",
    serviceAccount: "cart",
  });
});

test("URIs that are no identity of a mesh are none", () => {
  for (const uri of [
    "https://cluster.local/ns/shop/sa/cart",
    "spiffe://cluster.local/ns/shop",
    "spiffe://cluster.local/ns/shop/sa/cart/more",
    "spiffe:///ns/shop/sa/cart",
    "",
  ]) {
    assert.equal(parseSpiffeId(uri), undefined, uri);
  }
});

test("a workload's name may have dots, a namespace has none", () => {
  const name = workloadDnsName("cart.v1", "shop");
  assert.equal(name, "cart.v1.shop.workload.heddle");
  assert.deepEqual(parseWorkloadDnsName(name), { workload: "cart.v1", namespace: "shop" });
  for (const other of [
    "cart.shop.svc",
    "shop.workload.heddle",
    ".workload.heddle",
    "cart..workload.heddle",
  ]) {
    assert.equal(parseWorkloadDnsName(other), undefined, other);
  }
});
