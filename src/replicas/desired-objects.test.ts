import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import type { Gateway } from "#model/gateway-api/gateway.ts";
import type { Namespace } from "#model/kubernetes/configuration.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { desiredGatewayObjects, isGatewayObjectOfOurs } from "./gateway-objects.ts";
import { desiredTrustBundles } from "./trust-bundles.ts";

const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels },
});
const pod = (space: string, name: string, container: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: space },
  spec: { containers: [{ name: container }] },
});
const gateway = (space: string, gatewayClassName = "heddle"): Gateway => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name: "public", namespace: space, uid: "1" },
  spec: { gatewayClassName, listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
});

test("a namespace has a trust bundle exactly while a proxy may start in it", () => {
  const graph = new Graph();
  const objects = {
    namespaces: graph.source<Namespace>("namespaces"),
    pods: graph.source<Pod>("pods"),
    gateways: graph.source<Gateway>("gateways"),
  };
  const bundles = desiredTrustBundles(graph, objects, "PEM");
  const now = () => {
    graph.settle();
    return [...bundles.keys()].sort();
  };
  for (const name of ["plain", "kube-system"]) objects.namespaces.set(name, namespace(name));
  objects.namespaces.set("istio", namespace("istio", { "istio-injection": "enabled" }));
  objects.namespaces.set("off", namespace("off", { "heddle.dev/inject": "disabled" }));
  objects.pods.set("plain/a", pod("plain", "a", "app"));
  assert.deepEqual(now(), ["ConfigMap istio/heddle-trust-bundle"]);
  objects.pods.set("plain/b", pod("plain", "b", "heddle-proxy"));
  objects.gateways.set("off/public", gateway("off"));
  assert.deepEqual(now(), [
    "ConfigMap istio/heddle-trust-bundle",
    "ConfigMap off/heddle-trust-bundle",
    "ConfigMap plain/heddle-trust-bundle",
  ]);
  const ending = namespace("istio", { "istio-injection": "enabled" });
  objects.namespaces.set("istio", {
    ...ending,
    metadata: { ...ending.metadata, deletionTimestamp: "2026-05-01T12:00:00Z" },
  });
  objects.pods.set("plain/b", undefined);
  assert.deepEqual(now(), ["ConfigMap off/heddle-trust-bundle"]);
});

test("Gateways of our classes alone have objects, which are marked as ours and leave their number to others", () => {
  const graph = new Graph();
  const gateways = graph.source<Gateway>("gateways");
  const classes = graph.source<boolean>("classes");
  const objects = desiredGatewayObjects(graph, gateways, classes, defaultInjectionSettings);
  gateways.set("shop/public", gateway("shop"));
  gateways.set("other/public", gateway("other", "foreign"));
  graph.settle();
  assert.deepEqual([...objects.keys()], []);
  classes.set("heddle", true);
  graph.settle();
  assert.deepEqual([...objects.keys()].sort(), [
    "Deployment shop/public-heddle",
    "Service shop/public-heddle",
    "ServiceAccount shop/public-heddle",
  ]);
  for (const [, object] of objects.entries()) {
    assert.ok(isGatewayObjectOfOurs(object));
    assert.deepEqual(object.metadata.ownerReferences, [
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "Gateway",
        name: "public",
        uid: "1",
        controller: true,
      },
    ]);
  }
  const deployment = objects.get("Deployment shop/public-heddle") as unknown as { readonly spec: object };
  assert.ok(!("replicas" in deployment.spec));
  const users = { apiVersion: "v1", kind: "Service", metadata: { name: "public-heddle", namespace: "shop" } };
  assert.ok(!isGatewayObjectOfOurs(users));
});
