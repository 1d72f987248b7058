// Statuses in a real API server, whose definitions of the kinds are those that the Gateway API and Istio publish.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import * as yaml from "js-yaml";
import { type Collection, Graph } from "#collections/graph.ts";
import { checkMesh } from "#compile/checks/check.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { compileMesh } from "#compile/graph.ts";
import { statusesOf } from "#compile/status/status.ts";
import { customResourceDefinitions } from "#install/crds/definitions.ts";
import { pathOf } from "#kubernetes/client.ts";
import type { PolicyStatus } from "#model/gateway-api/policy-status.ts";
import type { GatewayStatus, RouteStatus } from "#model/gateway-api/status.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Condition, DesiredStatus, RejectedResource } from "#model/status.ts";
import { writeStatuses } from "#replicas/write-statuses.ts";
import { type KubernetesSource, openKubernetes } from "#sources/kubernetes/source.ts";
import { startApiServer, type TestApiServer } from "#test/helpers/api-server.ts";
import { namespace, put } from "#test/helpers/cluster-objects.ts";
import { until } from "#test/helpers/wait.ts";

let server: TestApiServer;
let graph: Graph;
let source: KubernetesSource;
let statuses: readonly Collection<DesiredStatus>[];
const failures: string[] = [];
const stop = new AbortController();

before(async () => {
  server = await startApiServer();
  for (const set of ["gateway-api-standard", "istio"]) {
    const file = join(import.meta.dirname, "../cluster/kubernetes/crds", `${set}.yaml.gz`);
    const definitions = yaml.loadAll(gunzipSync(readFileSync(file)).toString()) as KubernetesObject[];
    await Promise.all(definitions.map((definition) => put(server.admin, definition)));
  }
  await Promise.all(
    customResourceDefinitions("test").map((definition) => put(server.admin, definition as KubernetesObject)),
  );
  await put(server.admin, namespace("shop"));
  graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  source = openKubernetes(graph, server.admin);
  statuses = statusesOf(graph, {
    objects: source.objects,
    mesh: compileMesh(graph, source.objects),
    problems: [source.problems, ...checkMesh(graph, checkInputs(graph, source.objects))],
    rejections: graph.source<RejectedResource>("rejections"),
    gatewayAddresses: [],
    now: () => new Date(),
  });
  await source.ready;
  writeStatuses(
    server.admin,
    statuses,
    (what, error) => failures.push(`${what}: ${String(error)}`),
    stop.signal,
  );
});

after(async () => {
  stop.abort();
  source?.close();
  await server?.stop();
});

type Read<S> = KubernetesObject & {
  readonly metadata: { readonly resourceVersion: string };
  readonly status?: S;
};

async function read<S>(apiVersion: string, kind: string, name: string): Promise<Read<S>> {
  const resource = await server.admin.resourceOf(apiVersion, kind);
  assert.ok(resource !== undefined, kind);
  return server.admin.request<Read<S>>("GET", pathOf(resource, { namespace: "shop", name }));
}

async function putAll(text: string): Promise<void> {
  for (const object of yaml.loadAll(text) as KubernetesObject[]) await put(server.admin, object);
}

const words = (conditions: readonly Condition[] = []) =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

const gatewayApi = "gateway.networking.k8s.io/v1";

function nothingToWrite(): boolean {
  graph.settle();
  return statuses.every(({ size }) => size === 0);
}

/** Waits until the server has every status that is wanted. */
async function written(known: () => boolean): Promise<void> {
  await until(known, "the objects to be read");
  await until(nothingToWrite, "the statuses");
  assert.deepEqual(failures, []);
}

test("statuses pass the definitions of their kinds, and the server has what was meant", async () => {
  await putAll(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web}
spec: {ports: [{name: http, port: 80}, {name: grpc, port: 7070}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: heddle}
spec: {controllerName: heddle.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: public}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: web}
spec:
  parentRefs: [{group: "", kind: Service, name: web, port: 80}, {name: public}]
  rules: [{backendRefs: [{name: web, port: 80}, {namespace: bank, name: accounts, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {namespace: shop, name: web}
spec:
  parentRefs: [{group: "", kind: Service, name: web, port: 7070}]
  rules: [{backendRefs: [{name: web, port: 7070}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: shop, name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web, port: {number: 80}}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {namespace: shop, name: web}
spec: {host: web}
`);
  const { objects } = source;
  await written(
    () =>
      objects.services.get("shop/web") !== undefined &&
      [
        objects.gatewayClasses,
        objects.gateways,
        objects.httpRoutes,
        objects.grpcRoutes,
        objects.virtualServices,
        objects.destinationRules,
      ].every(({ size }) => size === 1),
  );
  const http = await read<RouteStatus>(gatewayApi, "HTTPRoute", "web");
  assert.deepEqual(
    http.status?.parents.map(({ parentRef, conditions }) => [parentRef.name, words(conditions)]),
    [
      // Clients of the Service could call the backend themselves; the Gateway's could not.
      ["web", "BackendNotFound"],
      ["public", "RefNotPermitted"],
    ].map(([name, reason]) => [
      name,
      { Accepted: "True Accepted", ResolvedRefs: `False ${reason}`, Programmed: "True Programmed" },
    ]),
  );
  const grpc = await read<RouteStatus>(gatewayApi, "GRPCRoute", "web");
  assert.deepEqual(words(grpc.status?.parents[0]?.conditions), {
    Accepted: "True Accepted",
    ResolvedRefs: "True ResolvedRefs",
    Programmed: "True Programmed",
  });
  const gateway = await read<GatewayStatus>(gatewayApi, "Gateway", "public");
  assert.deepEqual(words(gateway.status?.conditions), {
    Accepted: "True Accepted",
    Programmed: "False Pending",
  });
  assert.equal(gateway.status?.listeners?.[0]?.attachedRoutes, 1);
  const virtualService = await read<{ conditions: Condition[] }>(
    "networking.istio.io/v1",
    "VirtualService",
    "web",
  );
  assert.equal(words(virtualService.status?.conditions)["Accepted"], "False Conflicted");
  const rule = await read<{ conditions: Condition[] }>("networking.istio.io/v1", "DestinationRule", "web");
  assert.equal(words(rule.status?.conditions)["Accepted"], "True Accepted");
});

test("what another controller says of a route stays, and nothing is written while nothing changes", async () => {
  const resource = await server.admin.resourceOf(gatewayApi, "HTTPRoute");
  assert.ok(resource !== undefined);
  const path = pathOf(resource, { namespace: "shop", name: "web" });
  const own = (await read<RouteStatus>(gatewayApi, "HTTPRoute", "web")).status?.parents ?? [];
  const foreign = {
    controllerName: "example.com/other",
    parentRef: { name: "elsewhere" },
    conditions: [
      {
        type: "Accepted",
        status: "True",
        reason: "Accepted",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ],
  };
  const change = (parents: readonly object[]) =>
    server.admin.request("PATCH", `${path}/status`, {
      contentType: "application/merge-patch+json",
      body: { status: { parents } },
    });
  await change([foreign]);
  const controllers = async () =>
    (await read<RouteStatus>(gatewayApi, "HTTPRoute", "web")).status?.parents.map(
      ({ controllerName }) => controllerName,
    );
  const ours = "heddle.dev/gateway-controller";
  await until(async () => (await controllers())?.length === 3, "our entries again");
  assert.deepEqual(await controllers(), ["example.com/other", ours, ours]);
  await change([...own, foreign]);
  await until(nothingToWrite, "nothing to write");
  const { resourceVersion } = (await read(gatewayApi, "HTTPRoute", "web")).metadata;
  await sleep(500);
  const now = await read<RouteStatus>(gatewayApi, "HTTPRoute", "web");
  assert.equal(now.metadata.resourceVersion, resourceVersion);
  assert.deepEqual(await controllers(), [ours, ours, "example.com/other"]);
  assert.deepEqual(failures, []);
});

test("a transition is written once, with the time of that condition alone changed", async () => {
  const earlier =
    (await read<RouteStatus>(gatewayApi, "HTTPRoute", "web")).status?.parents[0]?.conditions ?? [];
  await sleep(1_100);
  await put(server.admin, namespace("bank"));
  await putAll(`
apiVersion: v1
kind: Service
metadata: {namespace: bank, name: accounts}
spec: {ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: bank, name: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service}]
`);
  await written(
    () =>
      source.objects.referenceGrants.size === 1 && source.objects.services.get("bank/accounts") !== undefined,
  );
  const later =
    (await read<RouteStatus>(gatewayApi, "HTTPRoute", "web")).status?.parents[0]?.conditions ?? [];
  const times = (conditions: readonly Condition[]) =>
    Object.fromEntries(conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
  assert.equal(words(later)["ResolvedRefs"], "True ResolvedRefs");
  assert.equal(times(later)["Accepted"], times(earlier)["Accepted"]);
  assert.notEqual(times(later)["ResolvedRefs"], times(earlier)["ResolvedRefs"]);
});

test("policies say of each target whether they have effect, and the server refuses what their definition excludes", async () => {
  await putAll(`
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: limited}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {namespace: shop, name: a}
spec:
  targetRefs:
  - {group: "", kind: Service, name: limited}
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: gone, sectionName: rule}
  limits: [{requests: 10, unit: Second, key: [{type: Header, header: x-user}]}]
---
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {namespace: shop, name: b}
spec:
  targetRefs: [{group: "", kind: Service, name: limited}]
  limits: [{requests: 1, unit: Second}]
---
apiVersion: heddle.dev/v1alpha1
kind: AdaptiveConcurrency
metadata: {namespace: shop, name: a}
spec: {targetRefs: [{group: "", kind: Service, name: limited, sectionName: http}]}
`);
  await written(
    () =>
      source.objects.services.get("shop/limited") !== undefined &&
      source.objects.rateLimits.size === 2 &&
      source.objects.adaptiveConcurrencies.get("shop/a") !== undefined,
  );
  const ancestors = async (kind: string, name: string) =>
    ((await read<PolicyStatus>("heddle.dev/v1alpha1", kind, name)).status?.ancestors ?? []).map(
      ({ ancestorRef, conditions }) => [ancestorRef.name, ancestorRef.sectionName, words(conditions)],
    );
  const works = { Accepted: "True Accepted", Programmed: "True Programmed" };
  assert.deepEqual(await ancestors("RateLimit", "a"), [
    ["limited", undefined, works],
    ["gone", "rule", { Accepted: "False TargetNotFound", Programmed: "False Invalid" }],
  ]);
  assert.deepEqual(await ancestors("RateLimit", "b"), [
    ["limited", undefined, { Accepted: "False Conflicted", Programmed: "False Invalid" }],
  ]);
  assert.deepEqual(await ancestors("AdaptiveConcurrency", "a"), [["limited", "http", works]]);
  const refused = putAll(`
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {namespace: shop, name: c}
spec:
  targetRefs: [{group: "", kind: Service, name: limited}]
  limits: [{requests: 1, unit: Second, key: [{type: Path, header: x-user}]}]
`);
  await assert.rejects(refused, /header must be there for the type Header/);
});
