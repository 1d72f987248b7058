import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOfKey, withBalancer } from "./clients.ts";

test("a client is found again by its key", () => {
  for (const key of ["shop", "shop?app=web&tier=%231", "shop#balancer", "shop?app=web#balancer"])
    assert.equal(clientOfKey(key).key, key);
});

test("a client that can balance by latency is another one", () => {
  const client = clientOfKey("shop?app=web");
  assert.deepEqual(withBalancer(client), {
    ...client,
    key: "shop?app=web#balancer",
    balancesByLatency: true,
  });
});
