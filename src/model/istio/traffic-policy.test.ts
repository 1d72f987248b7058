import assert from "node:assert/strict";
import { test } from "node:test";
import type { HashTable } from "../policy.ts";
import { policyOfPorts } from "./traffic-policy.ts";

test("what no proxy could have is as if it were not said", () => {
  const { all } = policyOfPorts({
    outlierDetection: {
      interval: "0s",
      baseEjectionTime: "0s",
      maxEjectionPercent: 150,
      minHealthPercent: 1,
    },
    connectionPool: { http: { http2KeepAlive: { interval: "0s", timeout: "1s" }, maxRetries: 1 } },
    loadBalancer: { consistentHash: { httpHeaderName: "" } },
  });
  assert.deepEqual(all, {
    balancing: {},
    connectionPool: { maxRetries: 1 },
    outlierDetection: { minHealthPercent: 1 },
  });
});

test("a table that hashes has a size that it can have", () => {
  const tableOf = (table: object): HashTable | undefined => {
    const loadBalancer = { consistentHash: { httpHeaderName: "x", ...table } };
    const method = policyOfPorts({ loadBalancer }).all.balancing?.method;
    return method?.kind === "consistentHash" ? method.table : undefined;
  };
  for (const [given, size] of [
    [251, 251],
    [100, 65_537],
    [0, 65_537],
    [5_000_081, 65_537],
  ])
    assert.deepEqual(tableOf({ maglev: { tableSize: given } }), { kind: "maglev", tableSize: size });
  for (const [given, size] of [
    [8_388_608, 8_388_608],
    [8_388_609, 1_024],
    [0, 1_024],
  ])
    assert.deepEqual(tableOf({ minimumRingSize: given }), { kind: "ringHash", minimumSize: size });
});
