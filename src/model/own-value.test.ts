import assert from "node:assert/strict";
import { test } from "node:test";
import { ownValue } from "./own-value.ts";

test("a record has what was put into it, and not what all objects have", () => {
  assert.equal(ownValue({ a: 1 }, "a"), 1);
  for (const name of ["b", "constructor", "__proto__", "toString"])
    assert.equal(ownValue<number>({ a: 1 }, name), undefined);
});
