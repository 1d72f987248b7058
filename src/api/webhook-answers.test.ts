import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Graph } from "#collections/graph.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import type { AdmissionEvent } from "#injector/admission.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { webhookAnswers } from "./webhook-answers.ts";

const graph = new Graph();
const { objects, put } = testObjects(graph);
const events: AdmissionEvent[] = [];
const answers = webhookAnswers({
  settings: defaultInjectionSettings,
  namespaces: objects.namespaces,
  checkInputs: checkInputs(graph, objects),
  report: (event) => events.push(event),
  onFault: (error) => {
    throw error;
  },
});

function review(spec: unknown, namespace = "shop") {
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, spec };
  const request = { uid: "1", operation: "CREATE", namespace, object };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
}

test("labels of namespaces are those that are known now, and events are reported", () => {
  const spec = { hostNetwork: true, containers: [{ name: "web" }] };
  answers.injection(review(spec), "namespace");
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ["NotInjected"],
  );
  put(
    "{apiVersion: v1, kind: Namespace, metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: baseline}}}",
  );
  const admission = answers.injection(review({ containers: [{ name: "web" }] }, "strict"), "namespace");
  assert.ok(admission.kind === "answered");
  assert.equal(admission.answer.response.allowed, false);
});

test("what is no pod deep within is answered in words", () => {
  const container = { name: "web", ports: 7, livenessProbe: { httpGet: { port: "http" } } };
  assert.deepEqual(answers.injection(review({ containers: [container] }), "namespace"), {
    kind: "malformed",
    message: "spec.containers[0].ports: expected a list, found the number 7",
  });
});

test("whatever is sent, an answer comes back", () => {
  const handler = fc.oneof(
    fc.record({ httpGet: fc.oneof(fc.record({ port: fc.anything(), path: fc.anything() }), fc.anything()) }),
    fc.record({ tcpSocket: fc.anything() }),
    fc.record({ grpc: fc.anything() }),
    fc.anything(),
  );
  const container = fc.record(
    {
      name: fc.anything(),
      ports: fc.anything(),
      livenessProbe: handler,
      lifecycle: fc.oneof(fc.record({ preStop: handler }), fc.anything()),
      securityContext: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    { containers: fc.array(container), initContainers: fc.array(container), securityContext: fc.anything() },
    { requiredKeys: ["containers"] },
  );
  fc.assert(
    fc.property(spec, (value) => {
      // As it comes by the wire.
      const sent: unknown = JSON.parse(
        JSON.stringify(review(value), (_key, item: unknown) => (typeof item === "bigint" ? 1 : item)),
      );
      answers.injection(sent, "namespace");
      answers.validation(sent);
    }),
    { numRuns: 100 },
  );
});
