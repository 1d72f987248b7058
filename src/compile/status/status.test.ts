import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "#model/status.ts";
import { cluster, ours, route, service, words } from "#test/helpers/statuses.ts";

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
        rules: [{filters: [{type: ExtensionRef, extensionRef: {group: a.b, kind: C, name: d}}], backendRefs: [{name: web, port: 80}]}]}`,
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

test("a policy says of each target whether it has effect there: limits", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  const limit = (name: string, created: string) => `
apiVersion: heddle.dev/v1alpha1
kind: RateLimit
metadata: {namespace: default, name: ${name}, generation: 1, creationTimestamp: "${created}"}
spec:
  targetRefs: [{group: "", kind: Service, name: web}, {group: "", kind: Service, name: gone}]
  limits: [{requests: 1, unit: Second}]`;
  put(limit("old", "2026-01-01T00:00:00Z"));
  put(limit("young", "2026-02-01T00:00:00Z"));
  assert.equal(write(), 2);
  const ancestorsOf = (id: string) =>
    (
      status(id) as { ancestors: { ancestorRef: { name: string }; conditions: readonly Condition[] }[] }
    ).ancestors.map(({ ancestorRef, conditions }) => ({ target: ancestorRef.name, ...words(conditions) }));
  const gone = { target: "gone", Accepted: "False TargetNotFound", Programmed: "False Invalid" };
  assert.deepEqual(ancestorsOf("RateLimit default/old"), [
    { target: "web", Accepted: "True Accepted", Programmed: "True Programmed" },
    gone,
  ]);
  assert.deepEqual(ancestorsOf("RateLimit default/young"), [
    { target: "web", Accepted: "False Conflicted", Programmed: "False Invalid" },
    gone,
  ]);
  assert.equal(write(), 0);
});

test("routes for connections say what takes their place", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  const tcp = (name: string, day: string, backend: string) => `
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: ${name}, creationTimestamp: "2026-01-${day}T00:00:00Z"}
spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: ${backend}, port: 80}]}]}`;
  put(tcp("older", "01", "gone"));
  put(tcp("younger", "02", "web"));
  write();
  const accepted = { Accepted: "True Accepted", Programmed: "True Programmed" };
  assert.deepEqual(parentsOf(status("TCPRoute default/older")), [
    { parent: `${ours} web`, ...accepted, ResolvedRefs: "False BackendNotFound" },
  ]);
  assert.deepEqual(parentsOf(status("TCPRoute default/younger")), [
    {
      parent: `${ours} web`,
      Accepted: "False Conflicted",
      ResolvedRefs: "True ResolvedRefs",
      Programmed: "False Invalid",
    },
  ]);
});

test("a mirror that does not exist is an unresolved reference, and a session without a right name is not supported", () => {
  const { put, write, status } = cluster();
  put(service("web"));
  put(
    route(
      "web",
      `{parentRefs: [{group: "", kind: Service, name: web}],
        rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: gone, port: 80}}}],
                 backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  put(
    route(
      "cart",
      `{parentRefs: [{group: "", kind: Service, name: web}],
        rules: [{sessionPersistence: {sessionName: "a b"}, backendRefs: [{name: web, port: 80}]}]}`,
    ),
  );
  write();
  const [web] = parentsOf(status("HTTPRoute default/web"));
  assert.deepEqual(web, {
    parent: `${ours} web`,
    Accepted: "True Accepted",
    ResolvedRefs: "False BackendNotFound",
    Programmed: "True Programmed",
  });
  const [cart] = parentsOf(status("HTTPRoute default/cart"));
  assert.equal(cart?.["Accepted" as never], "False UnsupportedValue");
});

test("a policy says of each target whether it has effect there, and leaves what other controllers say", () => {
  const { put, write, status } = cluster();
  const policy = (name: string, created: string, more = "") => `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {namespace: default, name: ${name}, creationTimestamp: "${created}"}
spec:
  targetRefs: [{group: "", kind: Service, name: web}, {group: "", kind: Service, name: gone}, {group: a.b, kind: C, name: d}]
  retryConstraint: {budget: {percent: 10}}
${more}`;
  put(service("web"));
  put(
    policy(
      "older",
      "2026-01-01T00:00:00Z",
      "status: {ancestors: [{controllerName: example.com/other, ancestorRef: {name: x}, conditions: []}]}",
    ),
  );
  put(policy("younger", "2026-02-01T00:00:00Z"));
  write();
  interface Ancestors {
    readonly ancestors: readonly {
      readonly controllerName: string;
      readonly ancestorRef: { readonly name: string };
      readonly conditions: readonly Condition[];
    }[];
  }
  const acceptance = (name: string) =>
    (status(`XBackendTrafficPolicy default/${name}`) as unknown as Ancestors).ancestors.map(
      ({ controllerName, ancestorRef, conditions }) =>
        `${controllerName} ${ancestorRef.name}: ${words(conditions)["Accepted"] ?? ""}`,
    );
  assert.deepEqual(acceptance("older"), [
    "example.com/other x: ",
    `${ours} web: True Accepted`,
    `${ours} gone: False TargetNotFound`,
    `${ours} d: False TargetNotFound`,
  ]);
  assert.deepEqual(acceptance("younger").slice(0, 1), [`${ours} web: False Conflicted`]);
  assert.equal(write(), 0);
});

test("a ServiceEntry is accepted for the hosts that no other has, a Sidecar where it is the one that counts", () => {
  const { put, write, status } = cluster();
  const entry = (name: string, hosts: string, created: string) => `
kind: ServiceEntry
apiVersion: networking.istio.io/v1
metadata: {namespace: default, name: ${name}, creationTimestamp: "${created}"}
spec: {hosts: [${hosts}], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}`;
  const sidecar = (name: string) => `
kind: Sidecar
apiVersion: networking.istio.io/v1
metadata: {namespace: default, name: ${name}}
spec: {egress: [{hosts: ["./*"]}]}`;
  put(entry("old", "a.example.com", "2026-01-01T00:00:00Z"));
  put(entry("new", "a.example.com", "2026-01-02T00:00:00Z"));
  put(entry("half", "a.example.com, b.example.com", "2026-01-03T00:00:00Z"));
  put(sidecar("first"));
  put(sidecar("second"));
  put(
    "{kind: WorkloadEntry, apiVersion: networking.istio.io/v1, metadata: {namespace: default, name: vm}, spec: {}}",
  );
  write();
  const accepted = (object: string) =>
    (status(object) as { readonly conditions: readonly Condition[] }).conditions.find(
      ({ type }) => type === "Accepted",
    );
  const wordsOf = (object: string) => [accepted(object)?.status, accepted(object)?.reason];
  assert.deepEqual(wordsOf("ServiceEntry default/old"), ["True", "Accepted"]);
  assert.deepEqual(wordsOf("ServiceEntry default/new"), ["False", "Conflicted"]);
  assert.deepEqual(wordsOf("ServiceEntry default/half"), ["True", "Accepted"]);
  assert.match(
    accepted("ServiceEntry default/half")?.message ?? "",
    /effect on some of what it is for: spec\.hosts\[0\]/,
  );
  assert.deepEqual(wordsOf("Sidecar default/first"), ["True", "Accepted"]);
  assert.deepEqual(wordsOf("Sidecar default/second"), ["False", "Conflicted"]);
  assert.deepEqual(wordsOf("WorkloadEntry default/vm"), ["False", "UnsupportedValue"]);
});
