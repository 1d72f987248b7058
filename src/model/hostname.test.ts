import assert from "node:assert/strict";
import { test } from "node:test";
import { isHostname, isOutsideHostname } from "./hostname.ts";

test("hosts are names with at most one wildcard, before all labels", () => {
  const good = ["a", "www.example.com", "*.example.com", "API.example.com.", "a_b.c-d"];
  const bad = ["", "*", "a.*.b", "a*", "a..b", "-a", "a b", "a:80", "a/b", "a\n", "ä", "x".repeat(254)];
  assert.deepEqual(good.filter(isHostname), good);
  assert.deepEqual(bad.filter(isHostname), []);
  assert.deepEqual(["*.a.b", "*a.b", "*-a.b"].filter(isOutsideHostname), ["*.a.b"]);
});
