import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { clientOfKey } from "../clients/clients.ts";
import { endpointSelection, endpointsView } from "../clusters/endpoint-lists.ts";
import { compileMesh } from "../graph.ts";

type SliceEndpoint = EndpointSlice["endpoints"][number];

/** A service without a selector, so that its slices are those that the test writes. */
function setUp() {
  const graph = new Graph();
  const { objects, put, remove } = testObjects(graph);
  const mesh = compileMesh(graph, objects);
  put(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80, targetPort: web}, {name: admin, port: 81}]}`);
  return {
    pod: (name: string, address: string, account: string) =>
      put(podYaml({ namespace: "default", name, address, labels: { app: account } })),
    remove: (name: string) => remove("Pod", `default/${name}`),
    slice: (name: string, http: number, endpoints: readonly SliceEndpoint[]) =>
      put(
        JSON.stringify({
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: { name, labels: { "kubernetes.io/service-name": "web" } },
          addressType: "IPv4",
          ports: [
            { name: "http", port: http, protocol: "TCP" },
            { name: "admin", port: 9000, protocol: "TCP" },
          ],
          endpoints,
        }),
      ),
    endpoints: (port: number) => {
      graph.settle();
      const found = mesh.endpoints.get(`default/web:${port}`)?.endpoints ?? [];
      return found.map(
        (each) => `${each.address}:${each.port} ${each.serviceAccount}${each.meshed ? " meshed" : ""}`,
      );
    },
  };
}

function endpoint(address: string, pod: string, conditions?: SliceEndpoint["conditions"]): SliceEndpoint {
  return {
    addresses: [address],
    targetRef: { kind: "Pod", name: pod },
    ...(conditions === undefined ? {} : { conditions }),
  };
}

test("an endpoint that several slices have is there once, and a named port may differ between pods", () => {
  const { pod, slice, endpoints } = setUp();
  pod("a", "10.0.0.1", "web");
  pod("b", "10.0.0.2", "web");
  pod("c", "10.0.0.3", "web");
  slice("one", 8080, [endpoint("10.0.0.1", "a"), endpoint("10.0.0.2", "b")]);
  slice("two", 8080, [endpoint("10.0.0.2", "b")]);
  slice("three", 9090, [endpoint("10.0.0.3", "c")]);
  assert.deepEqual(endpoints(80), [
    "10.0.0.1:8080 web meshed",
    "10.0.0.2:8080 web meshed",
    "10.0.0.3:9090 web meshed",
  ]);
  assert.deepEqual(endpoints(81), [
    "10.0.0.1:9000 web meshed",
    "10.0.0.2:9000 web meshed",
    "10.0.0.3:9000 web meshed",
  ]);
});

test("an endpoint that is not ready is left out, and one of which nothing is said counts as ready", () => {
  const { pod, slice, endpoints } = setUp();
  for (const [index, name] of ["said", "unsaid", "starting", "ending"].entries())
    pod(name, `10.0.0.${index}`, "web");
  slice("one", 8080, [
    endpoint("10.0.0.0", "said", { ready: true, serving: true, terminating: false }),
    endpoint("10.0.0.1", "unsaid"),
    endpoint("10.0.0.2", "starting", { ready: false, serving: false, terminating: false }),
    endpoint("10.0.0.3", "ending", { ready: false, serving: true, terminating: true }),
  ]);
  assert.deepEqual(endpoints(80), ["10.0.0.0:8080 web meshed", "10.0.0.1:8080 web meshed"]);
});

test("where all endpoints end, those that still serve are used until one is ready", () => {
  const { pod, slice, endpoints } = setUp();
  for (const [index, name] of ["serving", "done", "starting"].entries()) pod(name, `10.0.0.${index}`, "web");
  const serving = endpoint("10.0.0.0", "serving", { ready: false, serving: true, terminating: true });
  const done = endpoint("10.0.0.1", "done", { ready: false, serving: false, terminating: true });
  const starting = endpoint("10.0.0.2", "starting", { ready: false, serving: false, terminating: false });
  slice("one", 8080, [serving, done, starting]);
  assert.deepEqual(endpoints(80), ["10.0.0.0:8080 web meshed"]);
  slice("two", 8080, [endpoint("10.0.0.2", "starting")]);
  assert.deepEqual(endpoints(80), ["10.0.0.2:8080 web meshed"]);
});

test("of two pods with one address the one that stays has it", () => {
  const { pod, slice, endpoints } = setUp();
  pod("old", "10.0.0.1", "old");
  pod("new", "10.0.0.1", "new");
  // Published although it is going: publishNotReadyAddresses.
  const old = endpoint("10.0.0.1", "old", { ready: true, serving: true, terminating: true });
  slice("one", 8080, [old]);
  slice("two", 8080, [endpoint("10.0.0.1", "new")]);
  assert.deepEqual(endpoints(80), ["10.0.0.1:8080 new meshed"]);
  slice("two", 8080, []);
  assert.deepEqual(endpoints(80), ["10.0.0.1:8080 old meshed"]);
});

test("who dials the address of two pods reaches the one that stays", () => {
  const graph = new Graph();
  const { objects, put } = testObjects(graph);
  const mesh = compileMesh(graph, objects);
  const pod = (name: string, metadata: object) => {
    const made = JSON.parse(
      podYaml({ namespace: "default", name, address: "10.0.0.1", labels: { app: name } }),
    ) as { readonly metadata: object };
    put(JSON.stringify({ ...made, metadata: { ...made.metadata, ...metadata } }));
  };
  pod("a-goes", { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const view = graph.single("who is there", (fetch) => {
    const reference = { kind: "address", address: "10.0.0.1", port: 80 } as const;
    const selection = endpointSelection(mesh, fetch, clientOfKey("default"), reference);
    const found = selection === undefined ? undefined : endpointsView(mesh, fetch, selection);
    return found?.endpoints.map(({ workload }) => workload);
  });
  graph.settle();
  assert.deepEqual(view.get(""), ["a-goes"]);
  pod("b-stays", {});
  graph.settle();
  assert.deepEqual(view.get(""), ["b-stays"]);
});

test("an endpoint waits for its pod, for without it nobody knows whether to encrypt; one without a pod is plain", () => {
  const { pod, remove, slice, endpoints } = setUp();
  slice("one", 8080, [endpoint("10.0.0.1", "late"), { addresses: ["192.0.2.1"] }]);
  assert.deepEqual(endpoints(80), ["192.0.2.1:8080 "]);
  pod("late", "10.0.0.1", "web");
  assert.deepEqual(endpoints(80), ["10.0.0.1:8080 web meshed", "192.0.2.1:8080 "]);
  remove("late");
  assert.deepEqual(endpoints(80), ["192.0.2.1:8080 "]);
});
