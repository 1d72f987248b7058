// API objects through a real API server: the same as through files, whatever happens to the server in between.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import { loadAll } from "js-yaml";
import { Graph } from "#collections/graph.ts";
import { compileMesh } from "#compile/graph.ts";
import type { Mesh } from "#compile/mesh.ts";
import { customResourceDefinitions } from "#install/crds/definitions.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { openDirectory } from "#sources/directory/directory.ts";
import { type KubernetesSource, openKubernetes } from "#sources/kubernetes/source.ts";
import type { KindStatus } from "#sources/kubernetes/status.ts";
import type { MeshObjects } from "#sources/objects.ts";
import { startApiServer, type TestApiServer } from "#test/helpers/api-server.ts";
import { startBreakableProxy } from "#test/helpers/breakable-proxy.ts";
import { definition } from "#test/helpers/cluster-objects.ts";
import { until } from "#test/helpers/wait.ts";

let server: TestApiServer;

before(async () => {
  server = await startApiServer({ controllers: "endpointslice-controller" });
  await installDefinitions(publishedDefinitions("HTTPRoute", "Gateway"));
});
after(async () => {
  for (const source of opened) source.close();
  await server.stop();
});

const opened: { close(): void }[] = [];

/** As the Gateway API publishes them: they fill in defaults, and leave out what they do not know. */
function publishedDefinitions(...kinds: readonly string[]): readonly KubernetesObject[] {
  const file = join(import.meta.dirname, "../cluster/kubernetes/crds/gateway-api-standard.yaml.gz");
  const all = loadAll(gunzipSync(readFileSync(file)).toString()) as (KubernetesObject & {
    readonly spec: DefinitionSpec;
  })[];
  return all.filter(({ spec }) => kinds.includes(spec.names?.kind ?? ""));
}

const virtualServiceDefinition = definition("networking.istio.io", "VirtualService", "virtualservices", {
  version: "v1beta1",
});

async function installDefinitions(definitions: readonly KubernetesObject[]): Promise<void> {
  for (const each of definitions) {
    await server.admin.apply(each, { fieldManager: "test", force: true });
    const { group, names, versions } = (each as unknown as { spec: DefinitionSpec }).spec;
    await until(
      async () =>
        (await server.admin.resourceOf(`${group}/${versions[0]?.name}`, names?.kind ?? "")) !== undefined,
      `the API server to serve ${names?.kind}`,
    );
  }
}

async function removeDefinitions(...names: readonly string[]): Promise<void> {
  for (const name of names) await remove(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
}

interface DefinitionSpec {
  readonly group: string;
  readonly names?: { readonly kind: string };
  readonly versions: readonly { readonly name: string }[];
}

async function apply(yaml: string): Promise<void> {
  for (const object of loadAll(yaml) as KubernetesObject[]) {
    await server.admin.apply(object, { fieldManager: "test", force: true });
    const { status } = object as { readonly status?: unknown };
    if (status !== undefined) {
      await server.admin.apply(object, { fieldManager: "test", force: true, subresource: "status" });
    }
  }
}

/** Applies what the API server may not take yet, as its definition is new. */
function taken(yaml: string): Promise<void> {
  return until(
    () =>
      apply(yaml).then(
        () => true,
        () => false,
      ),
    "the API server to take it",
  );
}

function remove(path: string): Promise<unknown> {
  return server.admin.request("DELETE", path, { query: { gracePeriodSeconds: "0" } });
}

interface Opened extends KubernetesSource {
  readonly graph: Graph;
  readonly statuses: readonly KindStatus[];
  /** What changed in a collection since this was opened, in words. */
  changes(collection: keyof MeshObjects): readonly string[];
}

async function open(kubeconfig: string): Promise<Opened> {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const statuses: KindStatus[] = [];
  const client = await connectKubernetes({ kubeconfig });
  const source = openKubernetes(graph, client, {
    onStatus: (status) => statuses.push(status),
  });
  opened.push(source);
  const changes = new Map<string, string[]>();
  for (const [name, collection] of Object.entries(source.objects)) {
    const seen: string[] = [];
    changes.set(name, seen);
    collection.onChange((batch: readonly { key: string; before?: unknown; after?: unknown }[]) => {
      for (const { key, before: old, after: now } of batch) {
        seen.push(`${key} ${old === undefined ? "added" : now === undefined ? "removed" : "changed"}`);
      }
    });
  }
  return { ...source, graph, statuses, changes: (collection) => changes.get(collection) ?? [] };
}

function stateOf(source: KubernetesSource, kind: string): KindStatus | undefined {
  return source.status().find((status) => status.kind === kind);
}

const shop = `
apiVersion: v1
kind: Node
metadata: {name: node1}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {heddle.dev/inject: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.20
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 8081, targetPort: 8081}]
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: shop}
spec: {clusterIP: 10.96.0.21, selector: {app: web, version: v2}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: tcp-db, port: 5432}]}
---
${pod("web-1", "10.244.0.11", "{app: web, version: v1}", 8080)}
---
${pod("web-2", "10.244.0.12", "{app: web, version: v2}", 9090)}
---
${pod("db-0", "10.244.0.13", "{app: db}", 5432)}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: split, namespace: shop}
spec:
  parentRefs: [{kind: Service, group: "", name: web, port: 80}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /}}]
      backendRefs: [{name: web, port: 80, weight: 90}, {name: web-v2, port: 80, weight: 10}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: 80, protocol: HTTP}]}
`;

function pod(name: string, address: string, labels: string, port: number): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: ${labels}, annotations: {example.com/large: "${"x".repeat(500)}"}}
spec:
  serviceAccountName: ${name.split("-")[0]}
  nodeName: node1
  initContainers:
    - name: heddle-proxy
      image: heddle/proxy
      args: ["${"x".repeat(2000)}"]
      restartPolicy: Always
  containers:
    - name: app
      image: app
      ports: [{name: http, containerPort: ${port}}]
      readinessProbe: {httpGet: {path: /http/${port}/ready, port: 15021}}
status:
  phase: Running
  podIP: ${address}
  podIPs: [{ip: ${address}}]
  conditions: [{type: Ready, status: "True"}]`;
}

/** What a mesh is compiled to. */
function compiled(mesh: Mesh): unknown {
  const of = <T>(collection: { entries(): Iterable<[string, T]> }): Readonly<Record<string, T>> =>
    Object.fromEntries(
      [...collection.entries()]
        .filter(([key]) => key.startsWith("shop/"))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return {
    // When they were made only the API server knows.
    services: Object.fromEntries(
      Object.entries(of(mesh.services)).map(([key, made]) => [key, { ...made, created: "" }]),
    ),
    workloads: of(mesh.workloads),
    endpoints: of(mesh.endpoints),
    routes: of(mesh.routes),
    inbound: of(mesh.inbound),
    healthListeners: of(mesh.healthListeners),
    gateways: [...mesh.routing.gateways.keys()],
  };
}

test("the same objects through files and through an API server make the same mesh", async () => {
  await apply(shop);
  const source = await open(server.kubeconfig("admin"));
  const mesh = compileMesh(source.graph, source.objects);
  const directory = mkdtempSync(join(tmpdir(), "heddle-same-"));
  try {
    await source.ready;
    writeFileSync(join(directory, "shop.yaml"), shop);
    mkdirSync(join(directory, "cluster/pods"), { recursive: true });
    for (const name of ["web-1", "web-2", "db-0"]) {
      const stored = await server.admin.request<Pod>("GET", `/api/v1/namespaces/shop/pods/${name}`);
      writeFileSync(join(directory, `cluster/pods/${name}.json`), JSON.stringify(stored));
    }
    const graph = new Graph();
    const files = openDirectory(graph, {
      paths: [join(directory, "shop.yaml")],
      cluster: join(directory, "cluster"),
    });
    opened.push(files);
    const fromFiles = compileMesh(graph, files.objects);
    graph.settle();
    // The controller makes EndpointSlices, one endpoint after the other.
    await until(
      () => isDeepStrictEqual(compiled(mesh), compiled(fromFiles)),
      "the controller's EndpointSlices",
    ).catch(() => assert.deepEqual(compiled(mesh), compiled(fromFiles)));
    assert.deepEqual([...source.problems.entries()], []);
    assert.equal(mesh.endpoints.get("shop/web:80")?.endpoints.length, 2);
  } finally {
    source.close();
    rmSync(directory, { recursive: true });
  }
});

test("what is not read is not kept, and editing it changes nothing", async () => {
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  const kept = JSON.stringify(source.objects.pods.get("shop/web-1"));
  assert.ok(kept.length < 900, kept);
  await server.admin.apply(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web-1", namespace: "shop", annotations: { "example.com/edited": "yes" } },
    },
    { fieldManager: "somebody-else" },
  );
  await apply(pod("late", "10.244.0.14", "{app: late}", 80));
  await until(() => source.changes("pods").includes("shop/late added"), "the pod");
  assert.deepEqual(
    source.changes("pods").filter((change) => change === "shop/web-1 changed"),
    [],
  );
  await remove("/api/v1/namespaces/shop/pods/late");
  await until(() => source.objects.pods.get("shop/late") === undefined, "the pod to go");
  source.close();
});

test("a kind is followed from when its definition is installed until it is removed", async () => {
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  assert.equal(stateOf(source, "VirtualService")?.state, "not installed");
  const object = `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}], fault: {abort: {http2Error: INTERNAL}}}]}`;
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/virtualservices.networking.istio.io";
  for (let round = 0; round < 2; round++) {
    await installDefinitions([virtualServiceDefinition]);
    await taken(object);
    await until(() => source.objects.virtualServices.get("shop/web") !== undefined, "the object");
    await until(() => stateOf(source, "VirtualService")?.state === "in sync", "the kind to be in sync");
    assert.deepEqual(
      [...source.problems.entries()].map(([, { message, field, object: of }]) => ({ message, field, of })),
      [
        {
          message: "http2Error is not supported yet and has no effect",
          field: "spec.http[0].fault.abort.http2Error",
          of: { kind: "VirtualService", namespace: "shop", name: "web" },
        },
      ],
    );
    await remove(path);
    await until(() => stateOf(source, "VirtualService")?.state === "not installed", "the kind to go");
    assert.equal(source.objects.virtualServices.size, 0);
    assert.equal(source.problems.size, 0);
  }
  source.close();
});

test("the API server takes the definitions of Heddle, and refuses what they do not allow", async () => {
  await installDefinitions(customResourceDefinitions("1.0.0"));
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  const rateLimit = (limit: string, target = '{group: "", kind: Service, name: web}') => `
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {name: web, namespace: shop}
spec: {targetRefs: [${target}], limits: [${limit}]}`;
  await taken(
    `${rateLimit("{requests: 10, unit: Second, key: [{type: Header, header: x-user}]}")}
status:
  ancestors:
    - ancestorRef: {group: "", kind: Service, name: web}
      controllerName: heddle.dev/gateway-controller
      conditions:
        - {type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}
---
apiVersion: heddle.dev/v1alpha1
kind: AdaptiveConcurrency
metadata: {name: web, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: web}], sampleWindow: 100ms}`,
  );
  await until(
    () => source.objects.rateLimits.get("shop/web")?.status?.ancestors[0]?.conditions[0] !== undefined,
    "the RateLimit with its status",
  );
  await until(() => source.objects.adaptiveConcurrencies.size === 1, "the AdaptiveConcurrency");
  const refused: readonly (readonly [string, RegExp])[] = [
    [rateLimit("{requests: 0, unit: Second}"), /requests/],
    [rateLimit("{requests: 1, unit: Second, key: [{type: Path, header: x-user}]}"), /header must be there/],
    [rateLimit("{requests: 1, unit: Second}", '{group: "", kind: Gateway, name: web}'), /the target must be/],
    [
      `
apiVersion: heddle.dev/v1alpha1
kind: AdaptiveConcurrency
metadata: {name: wrong, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: web}], minConcurrency: 9, maxConcurrency: 3}`,
      /minConcurrency must not be above/,
    ],
  ];
  for (const [object, message] of refused) await assert.rejects(apply(object), message);
  source.close();
  await removeDefinitions("ratelimits.heddle.dev", "adaptiveconcurrencies.heddle.dev");
});

test("Istio's Gateway is another kind than that of the Gateway API", async () => {
  await installDefinitions([definition("networking.istio.io", "Gateway", "gateways", { version: "v1" })]);
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  await taken(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-edge, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"], bind: 10.0.0.1}]`);
  await until(() => source.objects.istioGateways.get("shop/istio-edge") !== undefined, "the object");
  assert.equal(source.objects.istioGateways.get("shop/istio-edge")?.kind, "Gateway");
  assert.equal(source.objects.gateways.get("shop/istio-edge"), undefined);
  assert.deepEqual(
    [...source.problems.entries()].flatMap(([, { object }]) =>
      object?.name === "istio-edge" ? [object.kind] : [],
    ),
    ["Gateway.networking.istio.io"],
  );
  source.close();
  await removeDefinitions("gateways.networking.istio.io");
});

test("an object that the schema refuses is told and does not take effect; its last good version stands", async () => {
  await installDefinitions([
    definition("networking.istio.io", "DestinationRule", "destinationrules", { version: "v1alpha3" }),
  ]);
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  const rules = source.objects.destinationRules;
  const rule = (spec: string) => `
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: refused, namespace: shop}
spec: ${spec}`;
  const told = () => [...source.problems.entries()].map(([, { severity, field }]) => `${severity} ${field}`);
  await taken(rule("everything"));
  await until(() => told().length === 1, "the problem");
  assert.deepEqual(told(), ["error spec"]);
  assert.equal(rules.get("shop/refused"), undefined);
  await apply(rule("{host: web, fromTheFuture: 1}"));
  await until(() => rules.get("shop/refused") !== undefined, "the corrected rule");
  assert.deepEqual(told(), ["warning spec.fromTheFuture"]);
  await apply(rule("{host: [web]}"));
  await until(() => told().includes("error spec.host"), "the new problem");
  assert.equal(rules.get("shop/refused")?.spec.host, "web");
  await remove("/apis/networking.istio.io/v1alpha3/namespaces/shop/destinationrules/refused");
  await until(() => rules.get("shop/refused") === undefined, "the rule to go");
  assert.deepEqual(told(), []);
  await remove(
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/destinationrules.networking.istio.io",
  );
  await until(() => stateOf(source, "DestinationRule")?.state === "not installed", "the kind to go");
  source.close();
});

function service(name: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {ports: [{port: ${port}}]}`;
}

/** Three services of which one goes, one changes and one stays while nobody watches, and a new one. */
async function changeUnseen(round: string): Promise<readonly string[]> {
  await apply(service(`changes-${round}`, 81));
  await remove(`/api/v1/namespaces/shop/services/goes-${round}`);
  await apply(service(`comes-${round}`, 80));
  return [`changes-${round} changed`, `comes-${round} added`, `goes-${round} removed`].map(
    (change) => `shop/${change}`,
  );
}

for (const loses of ["the connection", "the connection, and the server its history"]) {
  test(`a source that loses ${loses} misses nothing and withdraws nothing`, async () => {
    const round = loses.length > 20 ? "b" : "a";
    for (const name of ["changes", "goes", "stays"]) await apply(service(`${name}-${round}`, 80));
    const proxy = await startBreakableProxy(server.port);
    const source = await open(server.kubeconfig("admin", proxy.port));
    await source.ready;
    source.graph.settle();
    const seen = () => source.changes("services").slice(initially);
    const initially = source.changes("services").length;
    const size = source.objects.services.size;
    proxy.cut();
    await until(() => stateOf(source, "Service")?.state === "out of sync", "it to notice");
    assert.match(stateOf(source, "Service")?.error ?? "", /127\.0\.0\.1/);
    const expected = await changeUnseen(round);
    if (round === "b") {
      await server.compact();
      await server.kill();
      await server.start();
    }
    assert.equal(source.objects.services.size, size);
    assert.deepEqual(seen(), []);
    proxy.mend();
    await until(() => seen().length >= expected.length, "the changes");
    assert.deepEqual([...seen()].sort(), expected);
    await until(() => stateOf(source, "Service")?.state === "in sync", "it to be in sync again");
    source.close();
    proxy.close();
  });
}

test("an API server that is killed, starts again and freezes changes nothing", async () => {
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  source.graph.settle();
  const all = () => Object.keys(source.objects).flatMap((name) => source.changes(name as keyof MeshObjects));
  const initially = all().length;
  await server.kill();
  await until(() => stateOf(source, "Pod")?.state === "out of sync", "it to notice");
  await server.start();
  await until(
    () => source.status().every(({ state }) => state === "in sync" || state === "not installed"),
    "it to come back",
  );
  server.signal("SIGSTOP");
  await delay(1000);
  server.signal("SIGCONT");
  assert.deepEqual(all().slice(initially), []);
  await apply(service("afterwards", 80));
  await until(() => source.objects.services.get("shop/afterwards") !== undefined, "a change");
  source.close();
});

test("a kind that may not be read is told, keeps the source from being ready, and is read once it may be", async () => {
  const role = (resources: readonly string[]) => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
  - apiGroups: ["", discovery.k8s.io, gateway.networking.k8s.io, apiextensions.k8s.io]
    resources: [${resources.join(", ")}]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: User, name: reader}]`;
  const most = [
    "namespaces",
    "pods",
    "endpointslices",
    "gateways",
    "httproutes",
    "customresourcedefinitions",
  ];
  await apply(role(most));
  const source = await open(server.kubeconfig("reader"));
  await until(() => stateOf(source, "Service")?.error !== undefined, "the error");
  assert.match(
    stateOf(source, "Service")?.error ?? "",
    /services is forbidden: User "reader" cannot list resource "services"/,
  );
  let isReady = false;
  void source.ready.then(() => {
    isReady = true;
  });
  await until(() => stateOf(source, "Pod")?.state === "in sync", "the other kinds");
  assert.equal(isReady, false);
  assert.equal(
    source.statuses.filter(({ kind }) => kind === "Service").length,
    1,
    "told once, not at each try",
  );
  await apply(role([...most, "services"]));
  await until(() => isReady, "it to be ready");
  assert.ok(source.objects.services.get("shop/web") !== undefined);
  source.close();
});

test("many pods are read in pages", async (t) => {
  const count = 600;
  const names = Array.from({ length: count }, (_, index) => `many-${index}`);
  for (let from = 0; from < count; from += 100) {
    await Promise.all(
      names.slice(from, from + 100).map((name, index) => {
        const [object] = loadAll(
          pod(name, `10.245.${from / 100}.${index}`, `{app: many, pod: ${name}}`, 8080),
        ) as [Pod];
        return server.admin.request("POST", "/api/v1/namespaces/shop/pods", { body: object });
      }),
    );
  }
  const begun = performance.now();
  const source = await open(server.kubeconfig("admin"));
  await source.ready;
  t.diagnostic(`${count} pods read in ${Math.round(performance.now() - begun)} ms`);
  assert.equal([...source.objects.pods.keys()].filter((key) => key.startsWith("shop/many-")).length, count);
  source.close();
  await server.admin.request("DELETE", "/api/v1/namespaces/shop/pods", {
    query: { labelSelector: "app=many", gracePeriodSeconds: "0" },
  });
});

test("a Secret that a rule names is read as soon as a Role allows it by its name, and no other is", async () => {
  const source = await open(server.kubeconfig("reader"));
  const wanted = source.graph.source<string>("wanted secrets");
  source.readSecrets(wanted);
  const secret = (name: string, text: string) => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: vault}
stringData: {tls.crt: ${text}}`;
  await apply(`{apiVersion: v1, kind: Namespace, metadata: {name: vault}}`);
  await apply(secret("allowed", "first"));
  await apply(secret("other", "first"));
  for (const key of ["vault/allowed", "vault/other"]) wanted.set(key, key);
  await delay(500);
  assert.equal(source.objects.secrets.size, 0);
  await apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: credentials, namespace: vault}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [allowed], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: credentials, namespace: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: credentials}
subjects: [{kind: User, name: reader}]`);
  const text = () =>
    Buffer.from(source.objects.secrets.get("vault/allowed")?.data?.["tls.crt"] ?? "", "base64").toString();
  await until(() => Promise.resolve(text() === "first"), "the Secret");
  await apply(secret("allowed", "second"));
  await until(() => Promise.resolve(text() === "second"), "its change");
  assert.deepEqual([...source.objects.secrets.keys()], ["vault/allowed"]);
  wanted.set("vault/allowed", undefined);
  await until(() => Promise.resolve(source.objects.secrets.size === 0), "its end");
});
