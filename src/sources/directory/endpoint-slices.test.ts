import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice, Service } from "#model/kubernetes/service.ts";
import { objectKey } from "#model/reference.ts";
import { endpointSlicesOfServices } from "./endpoint-slices.ts";

interface PodOptions {
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly port?: number;
  readonly phase?: "Running" | "Succeeded";
  readonly hostname?: string;
}

function setUp() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const services = graph.source<Service>("services");
  const pods = graph.source<Pod>("pods");
  const written = graph.source<EndpointSlice>("written");
  const slices = endpointSlicesOfServices(graph, services, pods, written);
  return {
    graph,
    slices,
    written,
    service: (name: string, spec: Service["spec"]) => {
      const metadata = { name, namespace: "shop" };
      services.set(objectKey(metadata), { apiVersion: "v1", kind: "Service", metadata, spec });
    },
    pod: (name: string, labels: Readonly<Record<string, string>>, ip: string, options: PodOptions = {}) => {
      const { ready = true, terminating = false, port = 8080, phase = "Running", hostname } = options;
      const metadata = {
        name,
        namespace: "shop",
        labels,
        ...(terminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
      };
      pods.set(objectKey(metadata), {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: {
          containers: [{ name: "main", ports: [{ name: "http", containerPort: port }] }],
          ...(hostname === undefined ? {} : { hostname, subdomain: "web" }),
        },
        status: { phase, podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
      });
    },
    /** Slice → `address ready|serving|terminating`. */
    state: () => {
      graph.settle();
      return Object.fromEntries(
        [...slices.entries()].map(([key, slice]) => [
          key,
          slice.endpoints.map(({ addresses, conditions }) =>
            [
              addresses[0],
              ...(["ready", "serving", "terminating"] as const).filter((name) => conditions?.[name] === true),
            ].join(" "),
          ),
        ]),
      );
    },
  };
}

test("a service's pods are those of its namespace that have all labels of its selector", () => {
  const { service, pod, state } = setUp();
  service("web", { selector: { app: "web", tier: "front" }, ports: [{ port: 80, targetPort: 8080 }] });
  pod("a", { app: "web", tier: "front", more: "x" }, "10.0.0.1");
  pod("b", { app: "web" }, "10.0.0.2");
  assert.deepEqual(state(), { "shop/web-8080": ["10.0.0.1 ready serving"] });
});

test("a pod that is not ready, terminates or has ended is told apart", () => {
  const { service, pod, state } = setUp();
  service("web", { selector: { app: "web" }, ports: [{ port: 80 }] });
  pod("a", { app: "web" }, "10.0.0.1", { ready: false });
  pod("b", { app: "web" }, "10.0.0.2", { terminating: true });
  pod("c", { app: "web" }, "10.0.0.3", { phase: "Succeeded" });
  assert.deepEqual(state(), { "shop/web-80": ["10.0.0.1", "10.0.0.2 serving terminating"] });
  service("web", { selector: { app: "web" }, ports: [{ port: 80 }], publishNotReadyAddresses: true });
  assert.deepEqual(state(), { "shop/web-80": ["10.0.0.1 ready", "10.0.0.2 ready serving terminating"] });
});

test("a named target port is looked up in each pod; pods that differ get slices of their own", () => {
  const { service, pod, state, slices } = setUp();
  service("web", { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] });
  pod("a", { app: "web" }, "10.0.0.1", { port: 8080 });
  pod("b", { app: "web" }, "10.0.0.2", { port: 9090 });
  assert.deepEqual(Object.keys(state()), ["shop/web-8080", "shop/web-9090"]);
  assert.deepEqual(slices.get("shop/web-9090")?.ports, [{ name: "http", port: 9090, protocol: "TCP" }]);
});

test("slices that the user wrote stand for services without a selector", () => {
  const { graph, service, written, state } = setUp();
  service("outside", { ports: [{ port: 80 }] });
  written.set("shop/outside-1", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "outside-1", namespace: "shop", labels: { "kubernetes.io/service-name": "outside" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"] }],
  });
  graph.settle();
  assert.deepEqual(state(), { "shop/outside-1": ["192.0.2.1"] });
});

test("a hostname is kept where the service governs the pod", () => {
  const { graph, service, pod, slices } = setUp();
  service("web", { selector: { app: "web" }, clusterIP: "None", ports: [{ port: 80 }] });
  pod("web-0", { app: "web" }, "10.0.0.1", { hostname: "web-0" });
  graph.settle();
  assert.equal(slices.get("shop/web-80")?.endpoints[0]?.hostname, "web-0");
});

test("a change of a pod that no endpoint shows changes no slice", () => {
  const { graph, service, pod, slices } = setUp();
  service("web", { selector: { app: "web" }, ports: [{ port: 80 }] });
  pod("a", { app: "web" }, "10.0.0.1");
  graph.settle();
  let changes = 0;
  slices.onChange(() => {
    changes++;
  });
  pod("a", { app: "web" }, "10.0.0.1", {});
  pod("other", { app: "other" }, "10.0.0.2");
  graph.settle();
  assert.equal(changes, 0);
});
