import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "#model/status.ts";
import { cluster, service, words } from "#test/helpers/statuses.ts";

const virtualService = (name: string, spec: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: default, name: ${name}}
spec: ${spec}
`;
const gateway = (name: string, spec: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {namespace: default, name: ${name}}
spec: ${spec}
`;
const pod = `
apiVersion: v1
kind: Pod
metadata: {namespace: default, name: gateway, labels: {istio: ingressgateway}}
spec: {containers: [{name: heddle-proxy}]}
`;
const toWeb = "route: [{destination: {host: web}}]";
const http = `[{${toWeb}}]`;
const servers = `[{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"]}]`;

function conditionsAfter(...objects: readonly string[]) {
  const { put, write, status } = cluster();
  for (const object of [service("web"), ...objects]) put(object);
  write();
  assert.equal(write(), 0);
  return (id: string) => words((status(id) as { readonly conditions: readonly Condition[] }).conditions);
}

const fine = {
  Accepted: "True Accepted",
  ResolvedRefs: "True ResolvedRefs",
  Programmed: "True Programmed",
};

test("a VirtualService has effect where one host or one gateway takes it", () => {
  const of = conditionsAfter(
    pod,
    gateway("public", `{selector: {istio: ingressgateway}, servers: ${servers}}`),
    virtualService("mesh", `{hosts: [web, gone], http: ${http}}`),
    virtualService("outside", `{hosts: [www.example.com], gateways: [public, gone], http: ${http}}`),
    virtualService("unknown", `{hosts: [www.example.com], gateways: [gone], http: ${http}}`),
    virtualService("unfit", `{hosts: [www.example.org], gateways: [public], http: ${http}}`),
  );
  assert.deepEqual(of("Gateway.networking.istio.io default/public"), fine);
  assert.deepEqual(of("VirtualService default/mesh"), fine);
  assert.deepEqual(of("VirtualService default/outside"), fine);
  assert.equal(of("VirtualService default/unknown")["Accepted"], "False NoMatchingParent");
  assert.equal(of("VirtualService default/unfit")["Accepted"], "False NoMatchingListenerHostname");
});

test("a Gateway that selects no pod, or that has no server which is served, has no effect", () => {
  const of = conditionsAfter(
    pod,
    gateway("nobody", `{selector: {istio: none}, servers: ${servers}}`),
    gateway(
      "later",
      `{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"]}]}`,
    ),
  );
  assert.equal(of("Gateway.networking.istio.io default/nobody")["Accepted"], "False NoMatchingParent");
  assert.equal(of("Gateway.networking.istio.io default/later")["Accepted"], "False UnsupportedProtocol");
});

test("a VirtualService that contradicts itself, or that an older one leaves nothing, is not accepted", () => {
  const of = conditionsAfter(
    virtualService("a-first", `{hosts: [web], http: [{match: [{uri: {prefix: /a}}], ${toWeb}}]}`),
    virtualService("b-second", `{hosts: [web], http: ${http}}`),
    virtualService("c-third", `{hosts: [web], http: ${http}}`),
    virtualService("wrong", `{hosts: [web], http: [{redirect: {uri: /}, ${toWeb}}]}`),
  );
  assert.deepEqual(of("VirtualService default/a-first"), fine);
  assert.deepEqual(of("VirtualService default/b-second"), fine);
  assert.equal(of("VirtualService default/c-third")["Accepted"], "False Conflicted");
  assert.equal(of("VirtualService default/wrong")["Programmed"], "False Invalid");
});

test("a delegate is accepted once somebody delegates to it, and its root is told of a missing one", () => {
  const part = virtualService("part", `{http: ${http}}`);
  const root = virtualService("root", "{hosts: [web], http: [{delegate: {name: part}}]}");
  assert.equal(conditionsAfter(part)("VirtualService default/part")["Accepted"], "False NoMatchingParent");
  assert.equal(conditionsAfter(root)("VirtualService default/root")["ResolvedRefs"], "False BackendNotFound");
  const of = conditionsAfter(part, root);
  assert.deepEqual(of("VirtualService default/part"), fine);
  assert.deepEqual(of("VirtualService default/root"), fine);
});
