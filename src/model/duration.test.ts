import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

test("durations are whole milliseconds, at least one, and ten years at most", () => {
  const durations = {
    "1h30m": 5_400_000,
    "1.5s": 1_500,
    "0s": 0,
    "0.1ms": 1,
    "0.0000001s": 1,
    "99999999h": 315_360_000_000,
    "9999999999999999999s": 315_360_000_000,
    "-1s": undefined,
    "1ns": undefined,
    "": undefined,
  };
  assert.deepEqual(
    Object.fromEntries(Object.keys(durations).map((text) => [text, parseDuration(text)])),
    durations,
  );
});
