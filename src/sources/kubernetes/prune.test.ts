import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { EndpointSlice } from "#model/kubernetes/service.ts";
import { prune } from "./prune.ts";

test("of a pod remain its identity, address and readiness, ports, and what the proxy answers for it", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-1",
      namespace: "shop",
      uid: "u",
      resourceVersion: "77",
      generation: 3,
      labels: { app: "web" },
      annotations: {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "sidecar.istio.io/inject": "true",
        "heddle.dev/injected": "1",
        "nothistio.io/x": "1",
      },
      managedFields: [{ manager: "kubelet" }],
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d", uid: "o", controller: true },
      ],
    },
    spec: {
      serviceAccountName: "web",
      nodeName: "node1",
      volumes: [{ name: "v" }],
      tolerations: [{ key: "x" }],
      initContainers: [{ name: "heddle-proxy", image: "heddle/proxy:1", args: ["a long bootstrap"] }],
      containers: [
        {
          name: "app",
          image: "web:1",
          env: [{ name: "PASSWORD", value: "secret" }],
          ports: [{ name: "http", containerPort: 8080, protocol: "TCP", hostPort: 8080 }],
          readinessProbe: {
            httpGet: { path: "/http/8080/ready", port: 15021, scheme: "HTTP" },
            periodSeconds: 1,
          },
          livenessProbe: { exec: { command: ["true"] } },
          lifecycle: { preStop: { exec: { command: ["sleep"] } } },
        },
      ],
    },
    status: {
      phase: "Running",
      podIP: "10.244.0.7",
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
      containerStatuses: [{ name: "app", restartCount: 3 }],
    },
  } as unknown as Pod;
  assert.deepEqual(prune("Pod", pod), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-1",
      namespace: "shop",
      uid: "u",
      labels: { app: "web" },
      annotations: { "sidecar.istio.io/inject": "true", "heddle.dev/injected": "1" },
      ownerReferences: [{ kind: "ReplicaSet", name: "web-5d", uid: "o" }],
    },
    spec: {
      serviceAccountName: "web",
      nodeName: "node1",
      initContainers: [{ name: "heddle-proxy", image: "heddle/proxy:1" }],
      containers: [
        {
          name: "app",
          image: "web:1",
          ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
          readinessProbe: { httpGet: { path: "/http/8080/ready", port: 15021 } },
        },
      ],
    },
    status: { phase: "Running", podIP: "10.244.0.7", conditions: [{ type: "Ready", status: "True" }] },
  });
});

test("a slice without endpoints, which the server has as null, has none", () => {
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-x", namespace: "shop" },
    addressType: "IPv4",
    endpoints: null,
    ports: null,
  } as unknown as EndpointSlice;
  assert.deepEqual(prune("EndpointSlice", slice), {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-x", namespace: "shop" },
    addressType: "IPv4",
    endpoints: [],
  });
});

test("routes keep spec and status whole, for others read them", () => {
  const route = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "r", namespace: "shop", generation: 2, resourceVersion: "9" },
    spec: { rules: [{ name: "x" }] },
    status: { parents: [] },
  };
  assert.deepEqual(prune("HTTPRoute", route), {
    ...route,
    metadata: { name: "r", namespace: "shop", generation: 2 },
  });
});
