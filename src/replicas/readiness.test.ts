import assert from "node:assert/strict";
import { test } from "node:test";
import { createReadiness } from "./readiness.ts";

test("what is waited for is told with the reason, in the log once while it stays the same", async () => {
  const lines: unknown[] = [];
  const readiness = createReadiness(["the API server"], { warn: (line: unknown) => void lines.push(line) });
  assert.deepEqual(readiness.reasons(), ["waiting for the API server"]);
  readiness.set("the API server", "waiting for the API server: it is away");
  let tries = 0;
  const found = await readiness.eventually("the API server", () => {
    if (++tries === 1) return Promise.reject(new Error("it is away"));
    return Promise.resolve("here");
  });
  assert.equal(found, "here");
  assert.deepEqual(lines, [{ reason: "waiting for the API server: it is away" }]);
  assert.deepEqual(readiness.reasons(), []);
  readiness.set("the end", "it is stopping");
  assert.deepEqual(readiness.reasons(), ["it is stopping"]);
});
