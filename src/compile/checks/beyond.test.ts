// What is said about hosts outside and about scopes, field by field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { checkMesh } from "../check.ts";
import { checkInputs } from "./inputs.ts";

/** `KIND NAMESPACE/NAME FIELD: MESSAGE` for each problem of the objects. */
function problemsOf(text: string): readonly string[] {
  const graph = new Graph();
  const { objects, put } = testObjects(graph);
  const problems = checkMesh(graph, checkInputs(graph, objects));
  put(text);
  graph.settle();
  return problems
    .flatMap((collection) => [...collection.entries()].map(([, problem]) => problem))
    .map(({ object, field, message }) => `${object?.namespace}/${object?.name} ${field}: ${message}`)
    .sort();
}

const entry = (
  name: string,
  spec: string,
  created = "2026-01-01T00:00:00Z",
  namespace = "shop",
): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {namespace: ${namespace}, name: ${name}, creationTimestamp: "${created}"}
spec: ${spec}
`;
const http = "ports: [{number: 80, name: http, protocol: HTTP}]";

test("what is right has no problems", () => {
  const text = [
    entry("a", `{hosts: [a.example.com], resolution: DNS, ${http}}`),
    entry("b", `{hosts: ["*.example.com"], resolution: DYNAMIC_DNS, ${http}}`),
    entry("c", `{hosts: [c.example.com], addresses: [203.0.113.0/24], ${http}}`),
    entry("d", `{hosts: [d.example.com], resolution: STATIC, endpoints: [{address: 192.0.2.1}], ${http}}`),
  ].join("");
  assert.deepEqual(problemsOf(text), []);
});

test("of several objects for one host the one that goes first is named", () => {
  const text = [
    entry("old", `{hosts: [a.example.com], resolution: DNS, ${http}}`),
    entry("new", `{hosts: [a.example.com], resolution: DNS, ${http}}`, "2026-01-02T00:00:00Z"),
    entry("own", `{hosts: [A.example.com], resolution: DNS, ${http}}`, "2026-01-03T00:00:00Z", "other"),
    entry("cluster", `{hosts: [web.shop.svc.cluster.local], resolution: DNS, ${http}}`),
    "---\n{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: web}, spec: {ports: [{port: 80}]}}\n",
  ].join("");
  assert.deepEqual(problemsOf(text), [
    "other/own spec.hosts[0]: has effect for clients of namespace other alone: ServiceEntry shop/old has the host a.example.com already",
    "shop/cluster spec.hosts[0]: has no effect: Service shop/web has the host web.shop.svc.cluster.local already, and goes first",
    "shop/new spec.hosts[0]: has no effect: ServiceEntry shop/old has the host a.example.com already, and goes first",
  ]);
});

test("a route of a ServiceEntry is none of the Service with its name", () => {
  const route = (parent: string) =>
    `---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {namespace: shop, name: route}, spec: {parentRefs: [${parent}]}}\n`;
  const rule = (name: string, host: string) =>
    `---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {namespace: shop, name: ${name}}, spec: {hosts: [${host}], http: [{route: [{destination: {host: web}}]}]}}\n`;
  const objects = [
    entry("web", `{hosts: [web.example.com], resolution: DNS, ${http}}`),
    "---\n{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: web}, spec: {ports: [{port: 80}]}}\n",
    rule("inside", "web"),
    rule("outside", "web.example.com"),
  ].join("");
  const taken = (name: string, host: string) =>
    `shop/${name} spec.hosts[0]: has no effect on ${host}: HTTPRoute shop/route is attached to it and goes first`;
  assert.deepEqual(
    problemsOf(objects + route("{group: networking.istio.io, kind: ServiceEntry, name: web}")),
    [taken("outside", "web.example.com")],
  );
  assert.deepEqual(problemsOf(objects + route('{group: "", kind: Service, name: web}')), [
    taken("inside", "web"),
  ]);
});

test("what is for other clients takes nothing from an object", () => {
  const web =
    "---\n{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: web}, spec: {ports: [{port: 80}]}}\n";
  const object = (kind: string, name: string, exportTo: string, spec: string) =>
    `---\n{apiVersion: networking.istio.io/v1, kind: ${kind}, metadata: {namespace: shop, name: ${name}}, spec: {exportTo: [${exportTo}], ${spec}}}\n`;
  const rule = (name: string, exportTo: string) =>
    object("DestinationRule", name, exportTo, "host: web, trafficPolicy: {loadBalancer: {simple: RANDOM}}");
  const routes = (name: string, exportTo: string) =>
    object("VirtualService", name, exportTo, "hosts: [web], http: [{route: [{destination: {host: web}}]}]");
  const all = (first: string, second: string) =>
    [web, rule("a", first), rule("b", second), routes("a", first), routes("b", second)].join("");
  assert.deepEqual(problemsOf(all(".", '"*"')), []);
  assert.deepEqual(problemsOf(all('"*"', ".")), [
    "shop/b spec.host: has no effect: DestinationRule shop/a is for web already; put both into one",
    "shop/b spec.hosts[0]: has no effect on web: VirtualService shop/a is older and takes every request; put both into one",
  ]);
});

test("fields of a ServiceEntry that cannot be right, or that have no effect, are named", () => {
  const text = [
    entry("a", `{hosts: ["*", "*.a.example.com"], resolution: DNS, addresses: ["::1"]}`),
    entry(
      "b",
      `{hosts: [b.example.com], resolution: STATIC, ports: [{number: 80, name: a, protocol: UDP}, {number: 80, name: b}]}`,
    ),
    entry(
      "c",
      `{hosts: [c.example.com], endpoints: [{address: 192.0.2.1}], workloadSelector: {labels: {a: b}}, ${http}}`,
    ),
    entry(
      "d",
      `{hosts: [d.example.com], resolution: DNS_ROUND_ROBIN, endpoints: [{address: one.example.com}, {address: unix:///a}], ${http}}`,
    ),
    entry(
      "e",
      `{hosts: [e.example.com], resolution: STATIC, endpoints: [{address: name.example.com}, {}], ${http}}`,
    ),
    entry(
      "f",
      `{hosts: ["*.f.example.com"], resolution: DYNAMIC_DNS, ports: [{number: 80, name: a, protocol: HTTP, targetPort: 81}]}`,
    ),
    entry("g", "{hosts: [g.example.com], resolution: DNS, ports: [{number: 9000, name: a, protocol: TCP}]}"),
    entry("h", "{hosts: [h.example.com], resolution: DNS, ports: [{number: 9000, name: a, protocol: TCP}]}"),
  ].join("");
  assert.deepEqual(problemsOf(text), [
    "shop/a spec.addresses[0]: ::1 is no IPv4 address or range, and has no effect",
    "shop/a spec.hosts[0]: * is no host; write a name such as www.example.com, or *.example.com for all below",
    "shop/a spec.hosts[1]: DNS cannot be asked for *.a.example.com; use resolution DYNAMIC_DNS, or list endpoints",
    "shop/a spec.ports: ports is missing; name the ports of the hosts",
    "shop/b spec.ports[0].protocol: UDP is not known, and taken for TCP; use HTTP, HTTP2, GRPC, HTTPS, TLS, TCP or MONGO",
    "shop/b spec.ports[1].number: there is a port 80 already; remove one",
    "shop/b spec.resolution: STATIC has nowhere to go: list endpoints, a workloadSelector or addresses",
    "shop/c spec.endpoints: endpoints and workloadSelector exclude each other; remove one",
    "shop/c spec.endpoints: has no effect with resolution NONE; use STATIC or DNS",
    "shop/d spec.endpoints: DNS_ROUND_ROBIN asks for the first endpoint alone; use DNS for all",
    "shop/d spec.endpoints[1].address: unix:///a is not supported; use an IPv4 address or a name",
    "shop/e spec.endpoints[0].address: name.example.com is a name, for which nobody asks DNS; use resolution DNS, or its address",
    "shop/e spec.endpoints[1].address: address is missing; without it nothing is there",
    "shop/f spec.ports: targetPort has no effect on HTTP with DYNAMIC_DNS: the port is that of the request's Host",
    "shop/h spec.ports[0]: has no effect: without addresses all TCP to port 9000 goes to ServiceEntry shop/g; give addresses",
  ]);
});

test("Sidecars that do not count, and parts of them that mean nothing, are named", () => {
  const sidecar = (name: string, namespace: string, spec: string) => `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {namespace: ${namespace}, name: ${name}}
spec: ${spec}
`;
  const text = [
    sidecar("a", "shop", '{egress: [{hosts: ["./*", "reviews", "*/*.example.com"]}]}'),
    sidecar("b", "shop", "{}"),
    sidecar("c", "shop", "{workloadSelector: {labels: {app: nobody}}}"),
    sidecar("d", "istio-system", "{workloadSelector: {labels: {app: nobody}}}"),
    sidecar("e", "other", '{ingress: [{port: {number: 80}, defaultEndpoint: "10.0.0.1:80"}, {port: {}}]}'),
  ].join("");
  assert.deepEqual(problemsOf(text), [
    "istio-system/d spec.workloadSelector: in namespace istio-system it is for that namespace alone, not for the mesh",
    "other/e spec.ingress[0].defaultEndpoint: 10.0.0.1:80 is not supported; use 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///PATH",
    "other/e spec.ingress[1].port.number: number is missing",
    "shop/a spec.egress[0].hosts[1]: reviews is no host of a Sidecar; write NAMESPACE/HOST, where either may be *",
    "shop/b spec: has no effect: Sidecar shop/a is for all workloads of the namespace already",
    "shop/c spec.workloadSelector: no workload of the namespace has these labels",
  ]);
});

test("a WorkloadEntry needs an address that can be reached", () => {
  const text = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {namespace: shop, name: vm}
spec: {address: "unix:///run/app.sock"}
`;
  assert.deepEqual(problemsOf(text), [
    "shop/vm spec.address: unix:///run/app.sock is not supported; use an IPv4 address or a name",
  ]);
});
