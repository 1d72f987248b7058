import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { Kind } from "#sources/objects.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { checkObjects } from "./check.ts";

function setUp() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const cells = testObjects(graph);
  const checks = checkObjects(graph, cells.objects);
  return {
    graph,
    put: (text: string) => cells.put(text),
    remove: (kind: Kind, key: string) => cells.remove(kind, key),
    problems: () => {
      graph.settle();
      return checks.flatMap((problems) =>
        [...problems.entries()].map(([, { message, field }]) => `${field}: ${message}`),
      );
    },
  };
}

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{kind: Service, group: "", name: web}]
  rules: [{backendRefs: [{name: web-v2, port: 80}]}]`;

const service = (name: string, port: number) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {ports: [{port: ${port}}]}`;

test("a problem goes when what was missing appears, and comes back when it goes", () => {
  const { put, remove, problems } = setUp();
  put(route);
  put(service("web", 80));
  const missing =
    "spec.rules[0].backendRefs[0].name: there is no Service default/web-v2; define it or correct the name";
  assert.deepEqual(problems(), [missing]);
  put(service("web-v2", 8080));
  assert.deepEqual(problems(), [
    "spec.rules[0].backendRefs[0].port: Service default/web-v2 has no port 80; its ports are 8080",
  ]);
  put(service("web-v2", 80));
  assert.deepEqual(problems(), []);
  remove("Service", "default/web-v2");
  assert.deepEqual(problems(), [missing]);
});

test("a change that concerns no other object checks one object", () => {
  const { put, graph, problems } = setUp();
  for (let index = 0; index < 50; index++) put(service(`s${index}`, 80));
  put(route);
  problems();
  const runs = () =>
    graph
      .dump()
      .reduce((sum, { name, runs: count }) => sum + (name.startsWith("problems of") ? count : 0), 0);
  const before = runs();
  put(service("s7", 81));
  problems();
  assert.equal(runs() - before, 1);
});

test("TLS of a server's own is told of where it would begin with an application in the mesh that speaks HTTP", () => {
  const { put, problems } = setUp();
  put(`
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: http-admin, port: 81}, {name: https, port: 443}]}`);
  put(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 81}}]}}`);
  const pod = (name: string, meshed: boolean) =>
    podYaml({ namespace: "default", name, address: "10.244.0.8", labels: { app: "web" }, meshed });
  const ofRule = () => problems().filter((problem) => problem.startsWith("spec.trafficPolicy"));
  assert.deepEqual(ofRule(), []);
  put(pod("one", true));
  assert.deepEqual(ofRule(), [
    "spec.trafficPolicy.tls.mode: starts TLS with the application behind port 80 of Service default/web, which is declared HTTP; leave it out, as sidecars encrypt by themselves, or give the port appProtocol: https",
  ]);
  put(pod("bare", false));
  assert.deepEqual(ofRule(), []);
});
