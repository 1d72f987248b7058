import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { Workload } from "#model/workload.ts";
import { authenticatePods } from "./running-pods.ts";

const identity = { namespace: "shop", serviceAccount: "cart", pod: "cart-1", podUid: "1" };
const workload = { ...identity, address: "10.0.0.1", name: "cart" } as Workload;

function authenticator(patienceMs: number) {
  const graph = new Graph();
  const workloads = graph.source<Workload>("workloads");
  const verifier = { verify: () => Promise.resolve(identity) };
  return { workloads, authenticate: authenticatePods(verifier, workloads, { patienceMs }) };
}

test("a proxy that is faster than the news of its pod waits for it", async () => {
  const { workloads, authenticate } = authenticator(5_000);
  const [first, second] = [authenticate("token"), authenticate("token")];
  workloads.set("shop/other", workload);
  workloads.set("shop/cart-1", { ...workload, podUid: "0" });
  setTimeout(() => workloads.set("shop/cart-1", workload), 10);
  assert.equal(await first, workload);
  assert.equal(await second, workload);
});

test("one whose pod does not come is told to come again", async () => {
  const { authenticate } = authenticator(20);
  assert.deepEqual(await authenticate("token"), { refused: "pod shop/cart-1 is not running", again: true });
});

test("where all pods are known, or the account is another, it is refused at once", async () => {
  assert.deepEqual(await authenticator(0).authenticate("token"), {
    refused: "pod shop/cart-1 is not running",
  });
  const { workloads, authenticate } = authenticator(5_000);
  workloads.set("shop/cart-1", { ...workload, serviceAccount: "other" });
  assert.deepEqual(await authenticate("token"), {
    refused: "pod shop/cart-1 does not run as service account cart",
  });
});
