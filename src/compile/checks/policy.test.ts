import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { checkObjects } from "./check.ts";

/** What is said of objects in YAML, beside a Service, a route and a Gateway. */
function problemsOf(...texts: readonly string[]): readonly string[] {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const { objects, put } = testObjects(graph);
  const checks = checkObjects(graph, objects);
  put(around);
  for (const text of texts) put(text);
  graph.settle();
  return checks.flatMap((problems) =>
    [...problems.entries()].map(
      ([, { severity, reason, object, field, message }]) =>
        `${severity} ${reason ?? "-"} ${object?.name} ${field}: ${message}`,
    ),
  );
}

const around = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp-db, port: 5432}, {name: https, port: 443}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  selector: {app: ingress}
  servers:
  - {name: web, port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
  - {name: db, port: {number: 5432, name: db, protocol: TCP}, hosts: ["*"]}
---
apiVersion: v1
kind: Pod
metadata: {name: ingress-1, labels: {app: ingress}}
spec: {containers: [{name: heddle-proxy}]}
status: {podIP: 10.244.0.7}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: 80, protocol: HTTP}, {name: db, port: 5432, protocol: TCP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec: {parentRefs: [{name: public}], rules: [{name: buy, backendRefs: [{name: web, port: 80}]}]}
---
${podYaml({ namespace: "default", name: "web-1", address: "10.244.0.9", labels: { app: "web" } })}`;

const limits = "limits: [{requests: 1, unit: Second}]";

function rateLimit(name: string, target: string, spec = limits, created = "2026-01-01T00:00:00Z"): string {
  return `
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {name: ${name}, creationTimestamp: "${created}"}
spec: {targetRefs: [${target}], ${spec}}`;
}

const web = '{group: "", kind: Service, name: web}';
const gatewayApi = "gateway.networking.k8s.io";

test("policies whose targets are there have no problems", () => {
  const targets = [
    web,
    '{group: "", kind: Service, name: web, sectionName: http}',
    `{group: ${gatewayApi}, kind: Gateway, name: public, sectionName: http}`,
    "{group: networking.istio.io, kind: Gateway, name: ingress}",
    "{group: networking.istio.io, kind: Gateway, name: ingress, sectionName: web}",
    `{group: ${gatewayApi}, kind: HTTPRoute, name: shop, sectionName: buy}`,
  ];
  assert.deepEqual(problemsOf(rateLimit("all", targets.join(", "))), []);
});

test("a target that is not there is named, and so is a part of one", () => {
  const targets = [
    '{group: "", kind: Service, name: gone}',
    '{group: "", kind: Service, name: web, sectionName: grpc}',
    `{group: ${gatewayApi}, kind: HTTPRoute, name: shop, sectionName: sell}`,
  ];
  assert.deepEqual(problemsOf(rateLimit("lost", targets.join(", "))), [
    "error TargetNotFound lost spec.targetRefs[0].name: there is no Service default/gone; define it or correct the name",
    "error TargetNotFound lost spec.targetRefs[1].sectionName: Service default/web has no port named grpc; its names are http, tcp-db and https",
    "error TargetNotFound lost spec.targetRefs[2].sectionName: HTTPRoute default/shop has no rule named sell; its names are buy",
  ]);
});

test("of two policies for one target the younger has no effect; one with a fault does not stand in the way", () => {
  assert.deepEqual(
    problemsOf(
      rateLimit("wrong", web, "limits: [{requests: 1, unit: Second, key: [{type: Header}]}]", "2025-01-01"),
      rateLimit("old", web),
      rateLimit("young", web, limits, "2026-02-01T00:00:00Z"),
    ),
    [
      "error UnsupportedValue wrong spec.limits[0].key[0].header: header must be there for the type Header, and for no other",
      "warning Conflicted young spec.targetRefs[0]: has no effect on Service default/web: RateLimit default/old is for it and goes first, as the older or by its name; remove one of them",
    ],
  );
});

test("what nobody can enforce is told: TCP, pods without sidecars, sources at a gateway", () => {
  const bySource = "limits: [{requests: 1, unit: Second, key: [{type: SourceIdentity}]}]";
  assert.deepEqual(
    problemsOf(
      podYaml({
        namespace: "default",
        name: "bare",
        address: "10.244.0.8",
        labels: { app: "web" },
        meshed: false,
      }),
      rateLimit("bare", web),
      rateLimit("tcp", '{group: "", kind: Service, name: web, sectionName: tcp-db}'),
      rateLimit("tls", '{group: "", kind: Service, name: web, sectionName: https}'),
      rateLimit("server", `{group: networking.istio.io, kind: Gateway, name: ingress, sectionName: db}`),
      rateLimit("listener", `{group: ${gatewayApi}, kind: Gateway, name: public, sectionName: db}`),
      rateLimit("source", `{group: ${gatewayApi}, kind: HTTPRoute, name: shop}`, bySource),
    ),
    [
      "warning - bare spec.targetRefs[0]: is not enforced at pod bare: no sidecar is there; label the namespace heddle.dev/inject: enabled and start the pods anew",
      "warning UnsupportedValue tcp spec.targetRefs[0]: has no effect on Service default/web: what comes to port 5432 is TCP; name another port, or give it another appProtocol",
      "warning UnsupportedValue tls spec.targetRefs[0]: has no effect on Service default/web: what comes to port 443 is TLS; name another port, or give it another appProtocol",
      "warning UnsupportedValue server spec.targetRefs[0]: has no effect on Gateway.networking.istio.io default/ingress: it has no server of HTTP, HTTP2 or GRPC named db; name another",
      "warning UnsupportedValue listener spec.targetRefs[0]: has no effect on Gateway default/public: what comes to listener db is TCP; name another listener",
      "warning - source spec.targetRefs[0]: clients of a Gateway show no certificate: keys of the source count all of them as one there",
    ],
  );
});

test("what the definition or Envoy would refuse is told", () => {
  assert.deepEqual(
    problemsOf(
      rateLimit("group", `{group: "", kind: Gateway, name: public}`),
      rateLimit("status", web, `${limits}, response: {status: 499}`),
      `
apiVersion: heddle.dev/v1alpha1
kind: AdaptiveConcurrency
metadata: {name: numbers}
spec: {targetRefs: [${web}], minConcurrency: 5, maxConcurrency: 4, sampleWindow: 1ms}`,
    ),
    [
      'error UnsupportedValue group spec.targetRefs[0].group: the group of a Gateway is "gateway.networking.k8s.io" or "networking.istio.io"; correct it',
      "error UnsupportedValue status spec.response.status: no proxy answers with 499; use another status",
      "error UnsupportedValue numbers spec.minConcurrency: minConcurrency (5) must not be above maxConcurrency (4)",
      "error UnsupportedValue numbers spec.sampleWindow: 1ms is no duration of 10ms or more",
    ],
  );
});
