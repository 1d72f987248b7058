import assert from "node:assert/strict";
import { test } from "node:test";
import { createWebhooks } from "./webhooks.ts";

const faults: unknown[] = [];
const webhooks = createWebhooks({
  injection: (review, selectedBy) => {
    if (review === 7) throw new Error("seven");
    return { kind: "malformed", message: `${JSON.stringify(review)} selected by the ${selectedBy}` };
  },
  validation: () => ({ kind: "malformed", message: "a route" }),
  onFault: (error) => faults.push(error),
});

async function post(path: string, body: string): Promise<readonly [number, unknown]> {
  const response = await webhooks.request(path, { method: "POST", body });
  return [response.status, await response.json()];
}

test("each path asks for its own answer", async () => {
  assert.deepEqual(await post("/inject/pod", "1"), [400, { error: "1 selected by the pod" }]);
  assert.deepEqual(await post("/inject/namespace", "{}"), [400, { error: "{} selected by the namespace" }]);
  assert.deepEqual(await post("/validate", "1"), [400, { error: "a route" }]);
  assert.deepEqual(await post("/inject", "1"), [404, { error: "there is no webhook at /inject" }]);
});

test("what is no JSON, too long or makes an answer throw is said, and the fault is told", async () => {
  assert.deepEqual(await post("/validate", "{"), [400, { error: "the body is no JSON" }]);
  const [status] = await post("/validate", " ".repeat(8 * 1024 * 1024 + 1));
  assert.equal(status, 413);
  const [code, words] = await post("/inject/pod", "7");
  assert.equal(code, 500);
  assert.match(JSON.stringify(words), /could not be answered/);
  assert.deepEqual(faults.map(String), ["Error: seven"]);
});
