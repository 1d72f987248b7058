import assert from "node:assert/strict";
import { test } from "node:test";
import { allocateServiceAddresses, podAddress } from "./addresses.ts";

test("pods are numbered through the range and never get the address of the node", () => {
  assert.equal(podAddress(0), "10.244.1.1");
  assert.equal(podAddress(253), "10.244.1.254");
  assert.equal(podAddress(254), "10.244.2.1");
  assert.equal(podAddress(254 * 254), "10.244.1.1");
});

test("a service keeps its address when others come and go", () => {
  const first = allocateServiceAddresses(["a/x", "a/y"], {}, new Set());
  const second = allocateServiceAddresses(["a/w", "a/y"], first, new Set());
  assert.equal(second["a/y"], first["a/y"]);
  assert.notEqual(second["a/w"], second["a/y"]);
});

test("addresses that users chose are left to them", () => {
  const given = allocateServiceAddresses(["a/x"], { "a/x": "10.96.0.16" }, new Set(["10.96.0.16"]));
  assert.equal(given["a/x"], "10.96.0.17");
});
