import assert from "node:assert/strict";
import { test } from "node:test";
import { balancerVersion, canBalanceByLatency } from "./balancer.ts";

test("a proxy balances by latency with the right module in the right Envoy only", () => {
  const metadata = { ip: "10.0.0.1", balancer: balancerVersion };
  assert.ok(canBalanceByLatency({ version: "1.40.0", metadata }));
  assert.ok(canBalanceByLatency({ version: "1.40.2", metadata }));
  assert.ok(!canBalanceByLatency({ version: "1.41.0", metadata }));
  assert.ok(!canBalanceByLatency({ version: "", metadata }));
  assert.ok(!canBalanceByLatency({ version: "1.40.0", metadata: { balancer: "0.9.0" } }));
  assert.ok(!canBalanceByLatency({ version: "1.40.0", metadata: {} }));
});
