import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterView } from "#compile/views.ts";
import { transportSockets } from "./cluster-tls.ts";

const view: ClusterView = {
  reference: { kind: "service", hostname: "reviews.shop.svc.cluster.local", port: 80, subset: "" },
  protocol: "http",
  endpoints: { kind: "asDialled" },
  tls: { sni: "reviews", serviceAccounts: [{ namespace: "shop", serviceAccount: "reviews" }] },
  loadBalancing: { kind: "passthrough" },
  reachesUnmeshed: false,
  service: undefined,
  origins: [],
};

test("what was dialled is reached by mutual TLS where all endpoints of the service are meshed", () => {
  assert.equal(transportSockets(view, "cluster.local").transportSocket?.name, "tls");
  assert.deepEqual(transportSockets({ ...view, reachesUnmeshed: true }, "cluster.local"), {});
});

test("a cluster without endpoints waits for no certificate", () => {
  const origination = { roots: { kind: "secret", name: "missing" } } as const;
  const { tls: _, ...plain } = view;
  const waiting: ClusterView = { ...plain, tls: undefined, origination, endpoints: { kind: "none" } };
  assert.deepEqual(transportSockets(waiting, "cluster.local"), {});
});
