import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { readNow } from "../checks/check.ts";
import { clientOfKey } from "../clients/clients.ts";
import { compileMesh } from "../graph.ts";
import { clusterView } from "../outbound/cluster-view.ts";

const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: db}
spec:
  host: db
  trafficPolicy:
    portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 7}}, tls: {mode: DISABLE}}]`;

function podOfService(clusterIP: string) {
  const graph = new Graph();
  const { objects, put } = testObjects(graph);
  const mesh = compileMesh(graph, objects);
  put(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: db}
spec: {clusterIP: ${clusterIP}, selector: {app: db}, ports: [{name: http, port: 80, targetPort: 8080}]}`);
  put(podYaml({ namespace: "shop", name: "db-0", address: "10.244.0.5", labels: { app: "db" } }));
  put(rule);
  graph.settle();
  const reference = { kind: "address", address: "10.244.0.5", port: 8080 } as const;
  return clusterView(mesh, readNow, clientOfKey("shop"), reference);
}

test("a pod that is called by its own address is subject to the rule for its headless service", () => {
  const { connectionPool, tls, origins } = podOfService("None");
  assert.deepEqual(connectionPool, { maxConnections: 7 });
  assert.equal(tls, undefined);
  assert.deepEqual(
    origins.map(({ kind }) => kind),
    ["Service", "DestinationRule"],
  );
});

test("a pod that is called by its own address is not subject to the rule for a service with an address", () => {
  const { connectionPool, tls } = podOfService("10.96.0.5");
  assert.equal(connectionPool, undefined);
  assert.equal(tls?.serviceAccounts[0]?.serviceAccount, "db");
});
