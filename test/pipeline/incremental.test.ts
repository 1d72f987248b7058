// After any sequence of changes, what the mesh serves is what it would serve if it had just started.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { meshGraph } from "#test/helpers/mesh-graph.ts";
import { podYaml } from "#test/helpers/objects.ts";
import type { ResourceName } from "#xds/provider.ts";
import {
  clusterType,
  endpointsType,
  listenerType,
  routeConfigurationType,
  virtualHostType,
} from "#xds/type-urls.ts";

type Change =
  | { readonly kind: "put"; readonly key: string; readonly text: string }
  | {
      readonly kind: "remove";
      readonly of: (typeof kinds)[number];
      readonly name: string;
    };

const kinds = [
  "Service",
  "Pod",
  "HTTPRoute",
  "GRPCRoute",
  "TCPRoute",
  "TLSRoute",
  "VirtualService",
  "DestinationRule",
  "ServiceEntry",
  "WorkloadEntry",
  "Sidecar",
] as const;

const anyName = fc.constantFrom("a", "b", "c");
const anyVersion = fc.constantFrom("v1", "v2");
const json = (object: object) => JSON.stringify(object);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .record({ name: anyName, port: fc.constantFrom(80, 81), protocol: fc.constantFrom("http", "tcp", "") })
    .map(
      ({ name, port, protocol }): Change => ({
        kind: "put",
        key: `Service/${name}`,
        text: json({
          apiVersion: "v1",
          kind: "Service",
          metadata: { namespace: "shop", name },
          spec: {
            clusterIP: `10.96.0.${name.charCodeAt(0)}`,
            selector: { app: name },
            ports: [{ name: protocol, port, targetPort: 8080 }],
          },
        }),
      }),
    ),
  fc.record({ name: anyName, app: anyName, version: anyVersion, meshed: fc.boolean() }).map(
    ({ name, app, version, meshed }): Change => ({
      kind: "put",
      key: `Pod/${name}`,
      text: podYaml({
        namespace: "shop",
        name,
        address: `10.244.0.${name.charCodeAt(0)}`,
        labels: { app, version },
        meshed,
      }),
    }),
  ),
  fc
    .record({ name: anyName, to: anyName, weight: fc.nat(3), namespace: fc.constantFrom("shop", "other") })
    .map(
      ({ name, to, weight, namespace }): Change => ({
        kind: "put",
        key: `HTTPRoute/${namespace}/${name}`,
        text: json({
          kind: "HTTPRoute",
          metadata: { namespace, name },
          spec: {
            parentRefs: [{ group: "", kind: "Service", namespace: "shop", name }],
            rules: [
              {
                backendRefs: [
                  { namespace: "shop", name: to, port: 80, weight },
                  { namespace: "shop", name, port: 80 },
                ],
              },
            ],
          },
        }),
      }),
    ),
  fc.record({ name: anyName, to: anyName, method: fc.constantFrom("Get", "Set"), age: fc.nat(2) }).map(
    ({ name, to, method, age }): Change => ({
      kind: "put",
      key: `GRPCRoute/${name}`,
      text: json({
        kind: "GRPCRoute",
        metadata: { namespace: "shop", name, creationTimestamp: `200${age}-01-01T00:00:00Z` },
        spec: {
          parentRefs: [{ group: "", kind: "Service", name: to, port: 80 }],
          rules: [{ matches: [{ method: { method } }], backendRefs: [{ name: to, port: 80 }] }],
        },
      }),
    }),
  ),
  fc
    .record({
      name: anyName,
      to: anyName,
      kind: fc.constantFrom("TCPRoute", "TLSRoute"),
      weight: fc.nat(3),
      age: fc.nat(2),
    })
    .map(
      ({ name, to, kind, weight, age }): Change => ({
        kind: "put",
        key: `${kind}/${name}`,
        text: json({
          kind,
          metadata: { namespace: "shop", name, creationTimestamp: `200${age}-01-01T00:00:00Z` },
          spec: {
            parentRefs: [{ group: "", kind: "Service", name: to, port: 81 }],
            ...(kind === "TLSRoute" ? { hostnames: ["a.example.com"] } : {}),
            rules: [
              {
                backendRefs: [
                  { name, port: 81, weight },
                  { name: to, port: 81 },
                ],
              },
            ],
          },
        }),
      }),
    ),
  fc
    .record({
      name: anyName,
      version: anyVersion,
      weight: fc.nat(100),
      // For a service, for all, or for those that delegate to it.
      hosts: fc.constantFrom([], ["*"], ["a"], ["b"]),
      match: fc.constantFrom({}, { sourceLabels: { version: "v1" } }, { sourceNamespace: "other" }),
      delegate: fc.option(anyName, { nil: undefined }),
    })
    .map(
      ({ name, version, weight, hosts, match, delegate }): Change => ({
        kind: "put",
        key: `VirtualService/${name}`,
        text: json({
          kind: "VirtualService",
          metadata: { namespace: "shop", name },
          spec: {
            hosts,
            tcp: [
              {
                match: [{ sourceLabels: { version } }],
                route: [{ destination: { host: name, subset: version } }],
              },
            ],
            http: [
              ...(delegate === undefined ? [] : [{ delegate: { name: delegate } }]),
              {
                match: [match],
                route: [
                  { destination: { host: name, subset: version }, weight },
                  { destination: { host: name }, weight: 1 },
                ],
              },
            ],
          },
        }),
      }),
    ),
  fc.record({ name: anyName, version: anyVersion, simple: fc.constantFrom("RANDOM", "ROUND_ROBIN") }).map(
    ({ name, version, simple }): Change => ({
      kind: "put",
      key: `DestinationRule/${name}`,
      text: json({
        kind: "DestinationRule",
        metadata: { namespace: "shop", name },
        spec: {
          host: name,
          trafficPolicy: { loadBalancer: { simple } },
          subsets: [{ name: version, labels: { version } }],
        },
      }),
    }),
  ),
  fc
    .record({
      name: anyName,
      to: anyName,
      resolution: fc.constantFrom("NONE", "STATIC", "DNS", "DYNAMIC_DNS"),
      exportTo: fc.constantFrom("*", ".", "other"),
      address: fc.boolean(),
    })
    .map(
      ({ name, to, resolution, exportTo, address }): Change => ({
        kind: "put",
        key: `ServiceEntry/${name}`,
        text: json({
          kind: "ServiceEntry",
          metadata: { namespace: "shop", name },
          spec: {
            hosts: [resolution === "DYNAMIC_DNS" ? "*.example.com" : `${to}.example.com`],
            resolution,
            exportTo: [exportTo],
            ...(address ? { addresses: [`10.96.1.${to.charCodeAt(0)}`] } : {}),
            ...(resolution === "STATIC" ? { workloadSelector: { labels: { app: to } } } : {}),
            ports: [
              { number: 80, name: "http", protocol: "HTTP" },
              { number: 81, name: "tcp", protocol: "TCP" },
              { number: 443, name: "tls", protocol: "TLS" },
            ],
          },
        }),
      }),
    ),
  fc.record({ name: anyName, app: anyName }).map(
    ({ name, app }): Change => ({
      kind: "put",
      key: `WorkloadEntry/${name}`,
      text: json({
        kind: "WorkloadEntry",
        metadata: { namespace: "shop", name },
        spec: { address: `192.0.2.${name.charCodeAt(0)}`, labels: { app } },
      }),
    }),
  ),
  fc
    .record({
      name: anyName,
      app: anyName,
      host: fc.constantFrom("*", "a.example.com"),
      strict: fc.boolean(),
    })
    .map(
      ({ name, app, host, strict }): Change => ({
        kind: "put",
        key: `Sidecar/${name}`,
        text: json({
          kind: "Sidecar",
          metadata: { namespace: "shop", name },
          spec: {
            ...(name === "c" ? {} : { workloadSelector: { labels: { app } } }),
            egress: [
              { hosts: [`./${host}`] },
              { hosts: [`./${host}`], bind: "unix://@a", port: { number: 0, protocol: "HTTP" } },
              { hosts: ["*/*"], captureMode: "NONE", port: { number: 81, protocol: "TCP" } },
              { hosts: ["*/*"], bind: "203.0.113.1", port: { number: 80, protocol: "HTTP" } },
            ],
            outboundTrafficPolicy: strict
              ? { mode: "REGISTRY_ONLY" }
              : { mode: "ALLOW_ANY", egressProxy: { host: name, port: { number: 80 } } },
            ingress: [
              { port: { number: 8080, protocol: "HTTP", name: "http" }, defaultEndpoint: "127.0.0.1:1" },
            ],
          },
        }),
      }),
    ),
  fc
    .record({
      of: fc.constantFrom(...kinds),
      name: anyName,
    })
    .map(({ of, name }): Change => ({ kind: "remove", of, name: `shop/${name}` })),
);

const asked: readonly ResourceName[] = ["a", "b", "c"].flatMap((service) => {
  const octet = service.charCodeAt(0);
  return [
    { typeUrl: virtualHostType, name: `outbound/10.96.0.${octet}:80` },
    { typeUrl: virtualHostType, name: `outbound/10.244.0.${octet}:8080` },
    { typeUrl: clusterType, name: `outbound|80|v1|${service}.shop.svc.cluster.local` },
    { typeUrl: clusterType, name: `tcp|10.96.0.${octet}:81` },
    { typeUrl: endpointsType, name: `outbound|80||${service}.shop.svc.cluster.local` },
    { typeUrl: listenerType, name: "inbound" },
    { typeUrl: listenerType, name: "outbound" },
    { typeUrl: routeConfigurationType, name: "outbound" },
    { typeUrl: virtualHostType, name: `outbound/10.96.1.${octet}:80` },
    { typeUrl: virtualHostType, name: "outbound/10.99.0.1:80" },
    { typeUrl: virtualHostType, name: "outbound/203.0.113.1:80" },
    { typeUrl: listenerType, name: "egress|unix://@a" },
    { typeUrl: listenerType, name: "egress|127.0.0.1:81" },
    { typeUrl: routeConfigurationType, name: "egress|unix://@a" },
    { typeUrl: clusterType, name: `outbound|80||${service}.example.com` },
    { typeUrl: clusterType, name: "outbound|80||*.example.com" },
    { typeUrl: clusterType, name: `tls|${service}.example.com:443` },
    { typeUrl: clusterType, name: "tcp|192.0.2.200:81" },
    { typeUrl: clusterType, name: "inbound|8080||" },
    { typeUrl: endpointsType, name: `outbound|80||${service}.example.com` },
  ];
});

const clients = ["a", "b"].flatMap((pod) =>
  ["shop", "other"].map((namespace) => ({
    namespace,
    pod,
    podUid: "",
    serviceAccount: "",
    balancesByLatency: pod === "a",
  })),
);

function watched(mesh: ReturnType<typeof meshGraph>): readonly string[] {
  return clients.flatMap((client) => asked.map((resource) => mesh.provider.keyOf(client, resource)));
}

function served(mesh: ReturnType<typeof meshGraph>) {
  mesh.graph.settle();
  // Which clients are alike depends on the labels that rules read.
  for (const key of watched(mesh)) mesh.provider.resources.retain(key);
  mesh.graph.settle();
  return {
    resources: watched(mesh).map((key) => mesh.provider.resources.get(key)),
    statuses: mesh.statuses.map((statuses) => [...statuses.entries()].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

test("incremental result equals result from scratch, after any sequence of changes", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const incremental = meshGraph();
      for (const key of watched(incremental)) incremental.provider.resources.retain(key);
      const state = new Map<string, string>();
      for (const each of changes) {
        if (each.kind === "put") {
          incremental.put(each.text);
          state.set(each.key, each.text);
        } else {
          incremental.remove(each.of, each.name);
          const short = each.name.slice("shop/".length);
          state.delete(each.of === "HTTPRoute" ? `HTTPRoute/shop/${short}` : `${each.of}/${short}`);
        }
        incremental.graph.settle();
      }
      const fresh = meshGraph();
      for (const key of watched(fresh)) fresh.provider.resources.retain(key);
      for (const text of state.values()) fresh.put(text);
      assert.deepEqual(served(incremental), served(fresh));
    }),
    { numRuns: 60 },
  );
});
