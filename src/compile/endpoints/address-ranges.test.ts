import assert from "node:assert/strict";
import { test } from "node:test";
import { isIpv4, isIpv4Range, isWithin } from "./address-ranges.ts";

test("an address is in the ranges that begin as it does", () => {
  assert.ok(isWithin("10.1.2.3", "10.0.0.0/8"));
  assert.ok(isWithin("10.1.2.0/24", "10.1.0.0/16"));
  assert.ok(isWithin("203.0.113.9", "203.0.113.9"));
  assert.ok(!isWithin("11.1.2.3", "10.0.0.0/8"));
  assert.ok(!isWithin("10.0.0.0/8", "10.1.0.0/16"));
  assert.ok(isWithin("200.0.0.1", "0.0.0.0/0"));
});

test("names, IPv6 and impossible numbers are no IPv4", () => {
  for (const text of ["example.com", "::1", "10.0.0.256", "10.0.0.0/33", "10.0.0"]) {
    assert.ok(!isIpv4Range(text), text);
    assert.ok(!isWithin(text, "0.0.0.0/0"), text);
  }
  assert.ok(isIpv4("10.0.0.1"));
  assert.ok(!isIpv4("10.0.0.0/8"));
});
