import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AdmissionContext, admitPod, type PodAdmission } from "./admission.ts";
import type { PatchOperation } from "./json-patch.ts";
import { defaultInjectionSettings } from "./settings.ts";

const context: AdmissionContext = {
  settings: defaultInjectionSettings,
  selectedBy: "namespace",
  labelsOf: () => undefined,
};
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { generateName: "web-", labels: { app: "web" } },
  spec: { containers: [{ name: "web", image: "web:1", unknown: "kept" }] },
};
const owner = { apiVersion: "apps/v1", kind: "DaemonSet", name: "agent", uid: "u", controller: true };

function review(object: unknown, more: object = {}) {
  const request = { uid: "7", operation: "CREATE", namespace: "shop", object, ...more };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
}

function responseOf(admission: PodAdmission) {
  assert.ok(admission.kind === "answered");
  return admission.answer.response;
}

function patchIn(admission: PodAdmission): readonly PatchOperation[] {
  const { patch = "" } = responseOf(admission);
  return JSON.parse(Buffer.from(patch, "base64").toString()) as readonly PatchOperation[];
}

test("a pod is answered with a patch that adds, and nothing else", () => {
  const admission = admitPod(review(pod), context);
  assert.equal(responseOf(admission).uid, "7");
  assert.equal(responseOf(admission).allowed, true);
  assert.deepEqual(
    patchIn(admission).map(({ op, path }) => `${op} ${path}`),
    ["add /metadata/annotations", "add /spec/initContainers", "add /spec/volumes"],
  );
  assert.deepEqual(admission, admitPod(review(pod), context), "the same answer each time");
});

test("existing lists are added to, and the sidecar comes first", () => {
  const full = {
    ...pod,
    metadata: { name: "web", annotations: { a: "b" } },
    spec: {
      ...pod.spec,
      initContainers: [{ name: "first", startupProbe: { tcpSocket: { port: 1 } } }],
      volumes: [{ name: "data" }],
    },
  };
  const operations = patchIn(admitPod(review(full), context)).map(({ op, path }) => `${op} ${path}`);
  assert.deepEqual(operations, [
    "add /metadata/annotations/heddle.dev~1injected",
    "add /metadata/annotations/heddle.dev~1sds",
    "add /spec/initContainers/0",
    "add /spec/initContainers/1",
    "remove /spec/initContainers/2/startupProbe/tcpSocket",
    "add /spec/initContainers/2/startupProbe/httpGet",
    "add /spec/volumes/1",
    "add /spec/volumes/2",
  ]);
});

test("the API server's selectors are believed where a namespace is not known yet, or known as it was", () => {
  const outside = { ...context, labelsOf: () => ({ "heddle.dev/inject": "disabled" }) };
  assert.notEqual(responseOf(admitPod(review(pod), outside)).patch, undefined);
  const byPod: AdmissionContext = { ...context, selectedBy: "pod" };
  assert.equal(responseOf(admitPod(review(pod), byPod)).patch, undefined);
  const optedIn = { ...pod, metadata: { name: "web", labels: { "heddle.dev/inject": "enabled" } } };
  assert.notEqual(responseOf(admitPod(review(optedIn), byPod)).patch, undefined);
});

test("a pod of the host's network is let in as it is, with a warning and an event on what made it", () => {
  const agent = {
    ...pod,
    metadata: { ...pod.metadata, ownerReferences: [owner] },
    spec: { ...pod.spec, hostNetwork: true },
  };
  const admission = admitPod(review(agent), context);
  assert.ok(admission.kind === "answered");
  const message =
    "no sidecar is injected: the pod uses the host's network, which is not the mesh's to capture (Pod shop/web-)";
  assert.deepEqual(admission.answer.response, { uid: "7", allowed: true, warnings: [message] });
  assert.deepEqual(admission.events, [
    {
      regarding: { kind: "DaemonSet", namespace: "shop", name: "agent", uid: "u", apiVersion: "apps/v1" },
      type: "Warning",
      reason: "NotInjected",
      message,
    },
  ]);
  const dryRun = admitPod(review(agent, { dryRun: true }), context);
  assert.ok(dryRun.kind === "answered");
  assert.deepEqual(dryRun.events, []);
});

test("a pod that would go past the proxy is refused with status and reason", () => {
  const bypass = { ...pod, spec: { ...pod.spec, securityContext: { supplementalGroups: [1337] } } };
  assert.deepEqual(responseOf(admitPod(review(bypass), context)), {
    uid: "7",
    allowed: false,
    status: {
      code: 403,
      reason: "Forbidden",
      message:
        "group 1337 is the proxy's; use another one (Pod shop/web-, spec.securityContext.supplementalGroups)",
    },
  });
});

test("containers that others add to an injected pod are looked at, and their probes rewritten", () => {
  const operations = patchIn(admitPod(review(pod), context));
  const added = Object.fromEntries(
    operations.map((operation) => [
      operation.path.split("/").at(-1),
      "value" in operation && operation.value,
    ]),
  );
  const { annotations, initContainers, volumes } = added;
  const injected = (container: object) =>
    review({
      ...pod,
      metadata: { name: "web", annotations },
      spec: { initContainers, volumes, containers: [...pod.spec.containers, { name: "late", ...container }] },
    });
  const probed = admitPod(injected({ livenessProbe: { httpGet: { port: 80 } } }), context);
  assert.deepEqual(patchIn(probed)[0]?.path, "/spec/containers/1/livenessProbe/httpGet/path");
  assert.equal(responseOf(admitPod(injected({}), context)).patch, undefined);
  const asProxy = admitPod(injected({ securityContext: { runAsUser: 1337 } }), context);
  assert.equal(responseOf(asProxy).allowed, false);
});

test("what no API server sends is answered in words", () => {
  for (const [value, words] of [
    [undefined, /expected an AdmissionReview/],
    [{ ...review(pod), request: undefined }, /no request/],
    [review(pod, { uid: 7 }), /uid is missing/],
    [review(pod, { operation: undefined }), /operation is missing/],
  ] as const) {
    const admission = admitPod(value, context);
    assert.ok(admission.kind === "malformed");
    assert.match(admission.message, words);
  }
  for (const [object, words] of [
    [undefined, /has no Pod/],
    [{ kind: "Pod" }, /metadata is missing/],
    [{ ...pod, metadata: { labels: { a: 1 } } }, /metadata.labels must be a map of texts/],
    [{ ...pod, spec: { containers: [7] } }, /spec.containers must be a list of objects/],
    [{ ...pod, spec: {} }, /spec.containers is missing/],
  ] as const) {
    const { allowed, status } = responseOf(admitPod(review(object), context));
    assert.equal(allowed, false);
    assert.equal(status?.code, 400);
    assert.match(status.message, words);
  }
});

test("what has not the shape of a pod is refused before it is read", () => {
  const metadata = fc.record({ name: fc.string(), labels: fc.anything(), annotations: fc.anything() });
  const spec = fc.record(
    { containers: fc.array(fc.anything()), initContainers: fc.anything(), volumes: fc.anything() },
    { requiredKeys: [] },
  );
  const object = fc.record({ kind: fc.constant("Pod"), metadata: fc.oneof(metadata, fc.anything()), spec });
  fc.assert(
    fc.property(fc.oneof(object, fc.anything()), (value) => {
      const admission = admitPod(review(value), context);
      assert.ok(admission.kind === "answered");
    }),
    { numRuns: 200 },
  );
});
