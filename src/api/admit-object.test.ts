import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { admitObject } from "./admit-object.ts";

const graph = new Graph({
  onFault: ({ error }) => {
    throw error;
  },
});
const { objects, put } = testObjects(graph);
const inputs = checkInputs(graph, objects);
put(`
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: internal}, spec: {controllerName: heddle.dev/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: inner}, spec: {gatewayClassName: internal, listeners: []}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: theirs}, spec: {gatewayClassName: other, listeners: []}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}`);
graph.settle();

const route = (spec: object) => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "web", namespace: "default" },
  spec: { parentRefs: [{ kind: "Service", group: "", name: "web" }], ...spec },
});
const backend = (name: string) => ({ rules: [{ backendRefs: [{ name, port: 80 }] }] });
const expression = (value: string) => ({
  rules: [
    { matches: [{ path: { type: "RegularExpression", value } }], backendRefs: [{ name: "web", port: 80 }] },
  ],
});

function responseTo(object: unknown, more: object = {}) {
  const request = { uid: "1", operation: "CREATE", object: structuredClone(object), ...more };
  const admission = admitObject(
    { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request },
    inputs,
  );
  assert.ok(admission.kind === "answered");
  return admission.answer.response;
}

test("what is right is let in without a word", () => {
  assert.deepEqual(responseTo(route(backend("web"))), { uid: "1", allowed: true });
});

test("what another object can put right is a warning", () => {
  assert.deepEqual(responseTo(route(backend("later"))), {
    uid: "1",
    allowed: true,
    warnings: [
      "there is no Service default/later; define it or correct the name (HTTPRoute default/web, spec.rules[0].backendRefs[0].name)",
    ],
  });
});

test("what can never work is refused, by its schema or by a check", () => {
  const { status } = responseTo(route(expression("(")));
  assert.equal(status?.code, 422);
  assert.equal(
    status.message,
    "( is no valid regular expression: a ( is never closed; correct it (HTTPRoute default/web, spec.rules[0].matches[0].path.value)",
  );
  assert.match(
    responseTo(route({ rules: 7 })).status?.message ?? "",
    /expected a list.*\(HTTPRoute default\/web, spec.rules\)/,
  );
});

test("a VirtualService without hosts is warned of: another may delegate to it later", () => {
  const virtualService = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "web", namespace: "default" },
    spec: { http: [{ route: [{ destination: { host: "web" } }] }] },
  };
  const { allowed, warnings } = responseTo(virtualService);
  assert.equal(allowed, true);
  assert.match(warnings?.join() ?? "", /hosts is missing/);
});

test("a policy of a kind that is not read is let in, and its author told", () => {
  const object = {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "deny-all", namespace: "default" },
    spec: {},
  };
  assert.deepEqual(responseTo(object), {
    uid: "1",
    allowed: true,
    warnings: [
      "kind AuthorizationPolicy (security.istio.io) is not supported yet and has no effect (AuthorizationPolicy default/deny-all, kind)",
    ],
  });
});

test("an error that was there before does not stop a change, a new one does", () => {
  const oldObject = route(expression("("));
  const same = responseTo(route({ ...expression("("), hostnames: [] }), { operation: "UPDATE", oldObject });
  assert.equal(same.allowed, true);
  assert.match(same.warnings?.[0] ?? "", /no valid regular expression/);
  assert.equal(responseTo(route(expression("[")), { operation: "UPDATE", oldObject }).allowed, false);
});

test("deleting is never refused, nor is the way to it", () => {
  const broken = route({ rules: 7 });
  const ending = { ...broken, metadata: { ...broken.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  assert.equal(responseTo(ending, { operation: "UPDATE" }).allowed, true);
  assert.equal(responseTo(undefined, { operation: "DELETE", oldObject: broken }).allowed, true);
});

test("what another controller reads is its own", () => {
  const theirs = { parentRefs: [{ name: "theirs" }], ...expression("(") };
  assert.deepEqual(responseTo(route(theirs)), { uid: "1", allowed: true });
  const gateway = { ...route({}), kind: "Gateway", spec: { gatewayClassName: "other", listeners: 7 } };
  assert.deepEqual(responseTo(gateway), { uid: "1", allowed: true });
});

test("a class is ours by its controller, whatever its name", () => {
  const onInner = { parentRefs: [{ name: "inner" }], ...expression("(") };
  assert.equal(responseTo(route(onInner)).allowed, false);
  const gateway = { ...route({}), kind: "Gateway", spec: { gatewayClassName: "internal", listeners: 7 } };
  assert.equal(responseTo(gateway).allowed, false);
});

test("garbage is answered in words", () => {
  assert.deepEqual(admitObject(7, inputs), {
    kind: "malformed",
    message: "expected an AdmissionReview of admission.k8s.io/v1",
  });
  assert.equal(responseTo({ kind: [] }).allowed, false);
  assert.equal(responseTo({ spec: { parentRefs: [null] } }).allowed, false);
});

test("an object that means to be expensive costs no more than its size", () => {
  const virtualService = (hosts: readonly string[], host: string) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "large", namespace: "default" },
    spec: { hosts, http: [{ route: [{ destination: { host } }] }] },
  });
  // Each of its parts, joined with all that follow, would be gigabytes.
  const endless = `${"a.".repeat(100_000)}a`;
  const { allowed, status } = responseTo(virtualService([endless], endless));
  assert.equal(allowed, false);
  assert.ok((status?.message.length ?? 0) < 1_000);
  const many = Array.from({ length: 2_000 }, (_, index) => `host-${index}.example.com`);
  assert.equal(responseTo(virtualService(many, "web")).allowed, true);
});
