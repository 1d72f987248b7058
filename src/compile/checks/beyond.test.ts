// What is said about hosts outside and about scopes, field by field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { checkMesh } from "./check.ts";
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
    sidecar(
      "listeners",
      "third",
      `{egress: [
        {hosts: ["*/*"], captureMode: NONE},
        {hosts: ["*/*"], captureMode: NONE, bind: "::1", port: {number: 1, protocol: TCP}},
        {hosts: ["*/*"], captureMode: IPTABLES, bind: "unix:///run/a"},
        {hosts: ["*/*"], bind: 127.0.0.1, port: {number: 1, protocol: TCP}},
        {hosts: ["*/*"], captureMode: NONE, port: {number: 1}},
        {hosts: ["*/*"], captureMode: NONE, port: {number: 1, protocol: TCP}},
        {hosts: ["*/*"], captureMode: NONE, bind: 127.0.0.1, port: {number: 1, protocol: HTTP}},
        {hosts: ["*/none.example.com"], captureMode: NONE, port: {number: 2, protocol: HTTP}}
      ], outboundTrafficPolicy: {egressProxy: {host: none.example.com}}}`,
    ),
    sidecar(
      "proxy",
      "fourth",
      "{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: two.example.com}}}",
    ),
    entry("none", "{hosts: [none.example.com], ports: [{number: 2, name: a, protocol: HTTP}]}"),
    entry(
      "two",
      "{hosts: [two.example.com], resolution: DNS, ports: [{number: 1, name: a, protocol: HTTP}, {number: 2, name: b, protocol: HTTP}]}",
    ),
    sidecar(
      "ports",
      "fifth",
      `{ingress: [
        {port: {number: 1, protocol: HTTP}, captureMode: NONE},
        {port: {number: 2, protocol: HTTP}, captureMode: NONE, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:2"},
        {port: {number: 3, protocol: HTTP}, bind: 127.0.0.1},
        {port: {number: 4, protocol: HTTP}, bind: "unix://@a", captureMode: IPTABLES},
        {port: {number: 5, protocol: HTTP}, bind: "[::]"},
        {port: {number: 6, protocol: HTTPS}, tls: {mode: PASSTHROUGH}},
        {port: {number: 7, protocol: HTTPS}, tls: {mode: SIMPLE}},
        {port: {number: 8, protocol: HTTPS}, tls: {mode: MUTUAL, serverCertificate: /a, privateKey: /b}},
        {port: {number: 9, protocol: HTTPS}, tls: {mode: MUTUAL, credentialName: none}},
        {port: {number: 9, protocol: HTTP}}
      ]}`,
    ),
    sidecar("b", "shop", "{}"),
    sidecar("c", "shop", "{workloadSelector: {labels: {app: nobody}}}"),
    sidecar("d", "istio-system", "{workloadSelector: {labels: {app: nobody}}}"),
    sidecar("e", "other", '{ingress: [{port: {number: 80}, defaultEndpoint: "10.0.0.1:80"}, {port: {}}]}'),
  ].join("");
  assert.deepEqual(problemsOf(text), [
    "fifth/ports spec.ingress[0].defaultEndpoint: must say where the application listens beside the sidecar: 127.0.0.1:PORT with another port, or unix:///PATH",
    "fifth/ports spec.ingress[1].defaultEndpoint: must say where the application listens beside the sidecar: 127.0.0.1:PORT with another port, or unix:///PATH",
    "fifth/ports spec.ingress[2].captureMode: connections to 127.0.0.1 are not captured; with NONE the sidecar listens there",
    "fifth/ports spec.ingress[3].captureMode: nothing that goes to a socket is captured; use NONE",
    "fifth/ports spec.ingress[4].bind: [::] is not supported; use an IPv4 address, unix:///PATH or unix://@NAME",
    "fifth/ports spec.ingress[5].tls.mode: PASSTHROUGH is not supported here; use SIMPLE, MUTUAL or OPTIONAL_MUTUAL",
    "fifth/ports spec.ingress[6].tls.credentialName: the server has no certificate; give credentialName, or serverCertificate and privateKey",
    "fifth/ports spec.ingress[7].tls.caCertificates: mode MUTUAL needs the authorities of clients; give caCertificates, or credentialName with ca.crt",
    "fifth/ports spec.ingress[8].tls: there is no Secret none with tls.crt and tls.key in namespace fifth, or the control plane may not read it; connections are closed",
    "fifth/ports spec.ingress[8].tls: there is no ca.crt in Secret none or none-cacert in namespace fifth, or the control plane may not read it; connections are closed",
    "fifth/ports spec.ingress[9].port.number: has no effect: spec.ingress[8] has port 9 already; take another",
    "fourth/proxy spec.outboundTrafficPolicy.egressProxy.port: two.example.com has several ports; name one",
    "istio-system/d spec.workloadSelector: in namespace istio-system it is for that namespace alone, not for the mesh",
    "other/e spec.ingress[0].defaultEndpoint: 10.0.0.1:80 is not supported; use 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///PATH",
    "other/e spec.ingress[1].port.number: number is missing",
    "shop/a spec.egress[0].hosts[1]: reviews is no host of a Sidecar; write NAMESPACE/HOST, where either may be *",
    "shop/b spec: has no effect: Sidecar shop/a is for all workloads of the namespace already",
    "shop/c spec.workloadSelector: no workload of the namespace has these labels",
    "third/listeners spec.egress[0].port: needs the number of a port here: the one on which these hosts are reached",
    "third/listeners spec.egress[1].bind: ::1 is not supported; use an IPv4 address, unix:///PATH or unix://@NAME",
    "third/listeners spec.egress[2].captureMode: nothing that goes to a socket is captured; use NONE",
    "third/listeners spec.egress[3].captureMode: connections to 127.0.0.1 are not captured; with NONE the sidecar listens there",
    "third/listeners spec.egress[4].port.protocol: says nothing of what is spoken there; use HTTP, HTTP2, GRPC, TLS, TCP or MONGO",
    "third/listeners spec.egress[5].hosts: of several hosts the first by its name has all connections; name one host",
    "third/listeners spec.egress[6].bind: has no effect: spec.egress[5] is at this place already; take another",
    "third/listeners spec.egress[7].hosts[0]: */none.example.com is found by what clients dial, and what they dial here is the sidecar; give it resolution DNS or STATIC",
    "third/listeners spec.outboundTrafficPolicy.egressProxy: has no effect with mode REGISTRY_ONLY, which refuses what is not known; use ALLOW_ANY",
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
