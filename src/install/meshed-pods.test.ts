import assert from "node:assert/strict";
import { test } from "node:test";
import { injectSidecar } from "#injector/inject.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { ObjectMeta } from "#model/object.ts";
import { meshedPods } from "./meshed-pods.ts";

function pod(
  name: string,
  namespace: string,
  change: Partial<ObjectMeta> = {},
  status: Pod["status"] = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, ...change },
    spec: { containers: [{ name: "app", image: "app:1" }] },
    status,
  };
}

function injected(original: Pod): Pod {
  const result = injectSidecar(original, { ...defaultInjectionSettings, proxyImage: "heddle/proxy:9" });
  assert.equal(result.kind, "injected");
  return result.kind === "injected" ? result.pod : original;
}

const namespaces = [
  {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "in", labels: { "heddle.dev/inject": "enabled" } },
  },
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "out" } },
];

test("pods of the mesh are those with a proxy, and those that should have one", () => {
  const ready: Pod["status"] = { conditions: [{ type: "Ready", status: "True" }] };
  const pods = [
    injected(pod("with", "in", {}, ready)),
    pod("without", "in"),
    pod("exempt", "in", { labels: { "heddle.dev/inject": "disabled" } }),
    pod("outside", "out"),
    // It was injected before the namespace lost its label.
    injected(pod("left", "out")),
  ];
  assert.deepEqual(
    meshedPods(pods, namespaces).map(({ name, proxy, proxyImage, ready: isReady }) => [
      name,
      proxy,
      proxyImage,
      isReady,
    ]),
    [
      ["with", "sidecar", "heddle/proxy:9", true],
      ["without", "none", "", false],
      ["left", "sidecar", "heddle/proxy:9", false],
    ],
  );
});

test("pods that have ended, or are about to, are no matter any more", () => {
  const pods = [
    pod("done", "in", {}, { phase: "Succeeded" }),
    pod("broken", "in", {}, { phase: "Failed" }),
    pod("ending", "in", { deletionTimestamp: "2026-11-26T00:00:00Z" }),
  ];
  assert.deepEqual(meshedPods(pods, namespaces), []);
});
