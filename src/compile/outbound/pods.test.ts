import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { readNow } from "../checks/check.ts";
import { clientOfKey } from "../clients/clients.ts";
import { compileMesh } from "../graph.ts";
import { clusterView } from "./cluster-view.ts";
import { podSelection } from "./pods.ts";

test("of a pod that is behind services which a client may not know it learns nothing", () => {
  const graph = new Graph();
  const { objects, put } = testObjects(graph);
  const mesh = compileMesh(graph, objects);
  put(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: db, annotations: {networking.istio.io/exportTo: .}}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: http, port: 80, targetPort: 8080}]}`);
  put(podYaml({ namespace: "shop", name: "db-0", address: "10.244.0.5", labels: { app: "db" } }));
  graph.settle();
  const reference = { kind: "address", address: "10.244.0.5", port: 8080 } as const;
  const learns = (namespace: string) => {
    const client = clientOfKey(namespace);
    const isListed = clusterView(mesh, readNow, client, reference).endpoints.kind === "listed";
    return [isListed, podSelection(mesh, readNow, client, reference) !== undefined];
  };
  assert.deepEqual(learns("shop"), [true, true]);
  assert.deepEqual(learns("other"), [false, false]);
});
