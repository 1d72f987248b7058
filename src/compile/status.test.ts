import assert from "node:assert/strict";
import { test } from "node:test";
import * as yaml from "js-yaml";
import { Graph } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import type { Condition, RejectedResource } from "#model/status.ts";
import { podYaml, testObjects } from "#test/helpers/objects.ts";
import { checkObjects } from "./check.ts";
import { compileMesh } from "./graph.ts";
import { statusesOf } from "./status.ts";

/** Objects with statuses that are written back as a writer would. */
function cluster() {
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const cells = testObjects(graph);
  const rejections = graph.source<RejectedResource>("rejections");
  let minute = 0;
  const statuses = statusesOf(graph, {
    objects: cells.objects,
    mesh: compileMesh(graph, cells.objects),
    problems: checkObjects(graph, cells.objects),
    rejections,
    now: () => new Date(Date.UTC(2026, 0, 1, 0, minute)),
  });
  const objects = new Map<string, KubernetesObject & { status?: unknown }>();
  const idOf = (kind: string, { namespace = "default", name }: KubernetesObject["metadata"]) =>
    kind === "GatewayClass" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  return {
    rejections,
    setMinute: (to: number) => {
      minute = to;
    },
    put: (text: string) => {
      for (const object of yaml.loadAll(text) as KubernetesObject[]) {
        objects.set(idOf(object.kind, object.metadata), object);
        cells.put(JSON.stringify(object));
      }
    },
    /** What was written, until nothing is left to write. */
    write: (): number => {
      graph.settle();
      const items = statuses.flatMap((collection) => [...collection.entries()].map(([, item]) => item));
      for (const { object, status } of items) {
        const id = idOf(object.kind, object.metadata);
        const written = { ...objects.get(id), ...object, status } as KubernetesObject;
        const whole = { ...written, metadata: { ...objects.get(id)?.metadata, ...object.metadata } };
        objects.set(id, whole);
        cells.put(JSON.stringify(whole));
      }
      return items.length;
    },
    status: (id: string) => objects.get(id)?.status as never,
  };
}

const words = (conditions: readonly Condition[] | undefined) =>
  Object.fromEntries((conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

const service = (name: string, port = 80) => `
apiVersion: v1
kind: Service
metadata: {namespace: default, name: ${name}}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: ${port}}]}`;

const route = (name: string, spec: string, more = "") => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: default, name: ${name}, generation: 3}
spec: ${spec}
${more}`;

interface Parents {
  readonly parents: readonly {
    readonly controllerName: string;
    readonly parentRef: { readonly name: string };
    readonly conditions: readonly Condition[];
  }[];
}

const parentsOf = (status: Parents | undefined) =>
  (status?.parents ?? []).map(({ controllerName, parentRef, conditions }) => ({
    parent: `${controllerName} ${parentRef.name}`,
    ...words(conditions),
  }));

const ours = "heddle.dev/gateway-controller";

test("a route says of each parent and of its backends whether they are right", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}, {group: "", kind: Service, name: web, port: 81}],
        rules: [{backendRefs: [{name: web, port: 80}, {name: gone, port: 80}]}]}`,
    ),
  );
  assert.equal(write(), 1);
  assert.deepEqual(parentsOf(status("HTTPRoute default/web")), [
    {
      parent: `${ours} web`,
      Accepted: "True Accepted",
      ResolvedRefs: "False BackendNotFound",
      Programmed: "True Programmed",
    },
    {
      parent: `${ours} web`,
      Accepted: "False NoMatchingParent",
      ResolvedRefs: "False BackendNotFound",
      Programmed: "False Invalid",
    },
  ]);
  const [first] = (status("HTTPRoute default/web") as Parents).parents;
  const condition = first?.conditions.find(({ type }) => type === "ResolvedRefs");
  assert.match(condition?.message ?? "", /backendRefs\[1\]\.name: there is no Service default\/gone/);
  assert.equal(condition?.observedGeneration, 3);
  assert.equal(condition.lastTransitionTime, "2026-01-01T00:00:00Z");
  assert.equal(write(), 0);
});

test("only what changes gets a new time, and nothing is written while nothing changes", () => {
  const { put, write, status, setMinute } = cluster();
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: late, port: 80}]}]}`,
    ),
  );
  write();
  setMinute(5);
  assert.equal(write(), 0);
  put(service("late"));
  assert.equal(write(), 1);
  const [parent] = (status("HTTPRoute default/web") as Parents).parents;
  assert.deepEqual(
    parent?.conditions.map(({ type, status: is, lastTransitionTime }) => [type, is, lastTransitionTime]),
    [
      ["Accepted", "True", "2026-01-01T00:00:00Z"],
      ["ResolvedRefs", "True", "2026-01-01T00:05:00Z"],
      ["Programmed", "True", "2026-01-01T00:00:00Z"],
    ],
  );
  assert.equal(write(), 0);
});

test("what other controllers say of a route stays, in its place, and ours goes with the parent", () => {
  const { put, write, status } = cluster();
  const foreign = `{controllerName: example.com/other, parentRef: {name: elsewhere}, conditions: []}`;
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}, {name: elsewhere}], rules: []}`,
      `status: {parents: [{controllerName: ${ours}, parentRef: {group: "", kind: Service, name: before}, conditions: []}, ${foreign}]}`,
    ),
  );
  write();
  assert.deepEqual(
    parentsOf(status("HTTPRoute default/web")).map(({ parent }) => parent),
    ["example.com/other elsewhere", `${ours} web`],
  );
  put(route("web", `{parentRefs: [{name: elsewhere}], rules: []}`, `status: {parents: [${foreign}]}`));
  assert.equal(write(), 0);
});

test("a headless Service takes no route, and says so for that parent alone", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  put(`
apiVersion: v1
kind: Service
metadata: {namespace: default, name: pods}
spec: {clusterIP: None, ports: [{port: 80}]}
`);
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: pods}, {group: "", kind: Service, name: web}],
        rules: [{backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  write();
  const rest = { ResolvedRefs: "True ResolvedRefs" };
  assert.deepEqual(parentsOf(status("HTTPRoute default/web")), [
    { parent: `${ours} pods`, Accepted: "False UnsupportedValue", ...rest, Programmed: "False Invalid" },
    { parent: `${ours} web`, Accepted: "True Accepted", ...rest, Programmed: "True Programmed" },
  ]);
});

test("a rule that asks for what is not supported is not accepted", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}],
        rules: [{filters: [{type: CORS, cors: {}}], backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  write();
  assert.deepEqual(parentsOf(status("HTTPRoute default/web")), [
    {
      parent: `${ours} web`,
      Accepted: "False UnsupportedValue",
      ResolvedRefs: "True ResolvedRefs",
      Programmed: "False Invalid",
    },
  ]);
});

test("an HTTPRoute and a VirtualService are told that a GRPCRoute goes first", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  put(`
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {namespace: default, name: calls}
spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: default, name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
status: {conditions: [{type: Reconciled, status: "True", reason: Other, message: "", lastTransitionTime: x}]}
`);
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  assert.equal(write(), 3);
  assert.equal(parentsOf(status("GRPCRoute default/calls"))[0]?.["Accepted" as never], "True Accepted");
  assert.equal(parentsOf(status("HTTPRoute default/web"))[0]?.["Accepted" as never], "False Conflicted");
  const { conditions } = status("VirtualService default/web") as { conditions: readonly Condition[] };
  assert.deepEqual(words(conditions), {
    Reconciled: "True Other",
    Accepted: "False Conflicted",
    ResolvedRefs: "True ResolvedRefs",
    Programmed: "False Invalid",
  });
  assert.equal(write(), 0);
});

test("a resource that a proxy refuses is said on the objects that made it, while it refuses it", () => {
  const { put, write, status, rejections } = cluster();
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  write();
  rejections.set("web.default virtual host", {
    message: "no such thing",
    origins: [{ kind: "HTTPRoute", namespace: "default", name: "web", field: "spec.rules[0]" }],
  });
  assert.equal(write(), 1);
  const [parent] = (status("HTTPRoute default/web") as Parents).parents;
  const programmed = parent?.conditions.find(({ type }) => type === "Programmed");
  assert.equal(programmed?.status, "False");
  assert.match(programmed.message, /a proxy refused what was made of it: no such thing/);
  rejections.set("web.default virtual host", undefined);
  assert.equal(write(), 1);
  assert.equal(write(), 0);
});

interface GatewayStatus {
  readonly addresses: unknown;
  readonly conditions: readonly Condition[];
  readonly listeners: readonly {
    readonly name: string;
    readonly attachedRoutes: number;
    readonly supportedKinds: readonly { readonly kind: string }[];
    readonly conditions: readonly Condition[];
  }[];
}

test("a Gateway counts the routes of each listener, and is programmed once it runs and has an address", () => {
  const { put, write, status } = cluster();
  put(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: mine}
spec: {controllerName: ${ours}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: default, name: public}
spec:
  gatewayClassName: mine
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: again, port: 80, protocol: HTTP}
  - {name: tls, port: 443, protocol: HTTPS}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: default, name: foreign}
spec: {gatewayClassName: theirs, listeners: [{name: http, port: 80, protocol: HTTP}]}
`);
  put(service("web"));
  put(route("public", `{parentRefs: [{name: public}], rules: [{backendRefs: [{name: web, port: 80}]}]}`));
  put(route("foreign", `{parentRefs: [{name: foreign}], rules: [{backendRefs: [{name: web, port: 80}]}]}`));
  write();
  assert.equal(status("HTTPRoute default/foreign"), undefined);
  assert.equal(status("Gateway default/foreign"), undefined);
  const first = status("Gateway default/public") as GatewayStatus;
  assert.deepEqual(words(first.conditions), {
    Accepted: "True ListenersNotValid",
    Programmed: "False Pending",
  });
  assert.deepEqual(
    first.listeners.map(({ name, attachedRoutes, supportedKinds, conditions }) => ({
      name,
      attachedRoutes,
      kinds: supportedKinds.map(({ kind }) => kind),
      ...words(conditions),
    })),
    [
      {
        name: "http",
        attachedRoutes: 1,
        kinds: ["HTTPRoute", "GRPCRoute"],
        Accepted: "True Accepted",
        Conflicted: "False NoConflicts",
        ResolvedRefs: "True ResolvedRefs",
        Programmed: "False Pending",
      },
      {
        name: "again",
        attachedRoutes: 0,
        kinds: ["HTTPRoute", "GRPCRoute"],
        Accepted: "False HostnameConflict",
        Conflicted: "True HostnameConflict",
        ResolvedRefs: "True ResolvedRefs",
        Programmed: "False Invalid",
      },
      {
        name: "tls",
        attachedRoutes: 0,
        kinds: [],
        Accepted: "False UnsupportedProtocol",
        Conflicted: "False NoConflicts",
        ResolvedRefs: "True ResolvedRefs",
        Programmed: "False Invalid",
      },
    ],
  );
  const labels = { "gateway.networking.k8s.io/gateway-name": "public" };
  put(podYaml({ namespace: "default", name: "public-1", address: "10.244.0.9", labels }));
  put(`
apiVersion: v1
kind: Service
metadata: {namespace: default, name: public-heddle, labels: ${JSON.stringify(labels)}}
spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}
`);
  write();
  const second = status("Gateway default/public") as GatewayStatus;
  assert.deepEqual(words(second.conditions), {
    Accepted: "True ListenersNotValid",
    Programmed: "True Programmed",
  });
  assert.deepEqual(second.addresses, [{ type: "IPAddress", value: "10.96.0.9" }]);
  assert.equal(write(), 0);
});
