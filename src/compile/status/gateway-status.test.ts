import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayStatus, RouteStatus } from "#model/gateway-api/status.ts";
import { podYaml } from "#test/helpers/objects.ts";
import { cluster, ours, route, service, words } from "#test/helpers/statuses.ts";

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
    (first.listeners ?? []).map(({ name, attachedRoutes, supportedKinds, conditions }) => ({
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

test("a listener takes routes of the namespaces whose labels it selects", () => {
  const { put, write, status } = cluster();
  const gateway = (selector: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: default, name: public}
spec:
  gatewayClassName: heddle
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: ${selector}}}}]`;
  const namespace = (labels: string) =>
    put(`{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: ${labels}}}`);
  const served = () => {
    while (write() > 0);
    const { listeners } = status("Gateway default/public") as GatewayStatus;
    return listeners?.[0]?.attachedRoutes;
  };
  put(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: web}
spec: {parentRefs: [{name: public, namespace: default}]}`);
  put(gateway("{matchLabels: {public: yes-please}}"));
  namespace("{}");
  assert.equal(served(), 0);
  const { parents } = status("HTTPRoute shop/web") as RouteStatus;
  const accepted = parents[0]?.conditions.find(({ type }) => type === "Accepted");
  assert.equal(accepted?.reason, "NotAllowedByListeners");
  assert.match(accepted.message, /give the namespace the labels that allowedRoutes\.namespaces\.selector/);
  namespace("{public: yes-please}");
  assert.equal(served(), 1);
  const expressions: readonly (readonly [string, number])[] = [
    ["{key: public, operator: In, values: [no, yes-please]}", 1],
    ["{key: public, operator: NotIn, values: [yes-please]}", 0],
    ["{key: other, operator: Exists}", 0],
    ["{key: other, operator: DoesNotExist}", 1],
    ["{key: kubernetes.io/metadata.name, operator: In, values: [shop]}", 1],
    ["{key: public, operator: Like, values: [yes]}", 0],
  ];
  for (const [expression, routes] of expressions) {
    put(gateway(`{matchExpressions: [${expression}]}`));
    assert.equal(served(), routes, expression);
  }
});

test("a listener of TCP counts the oldest TCPRoute alone, and a port has one protocol", () => {
  const { put, write, status } = cluster();
  put(service("db"));
  put(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: default, name: public}
spec:
  gatewayClassName: heddle
  listeners:
  - {name: tcp, port: 5432, protocol: TCP, allowedRoutes: {kinds: [{kind: TCPRoute}, {kind: UDPRoute}]}}
  - {name: http, port: 5432, protocol: HTTP}
  - {name: web, port: 80, protocol: HTTP}`);
  const tcp = (name: string, day: string, parent: string) => `
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {namespace: default, name: ${name}, creationTimestamp: "2026-01-${day}T00:00:00Z"}
spec: {parentRefs: [{name: public${parent}}], rules: [{backendRefs: [{name: db, port: 80}]}]}`;
  put(tcp("older", "01", ""));
  put(tcp("younger", "02", ", port: 5432"));
  put(tcp("elsewhere", "03", ", sectionName: web"));
  while (write() > 0);
  const { listeners = [] } = status("Gateway default/public") as GatewayStatus;
  assert.deepEqual(
    listeners.map(({ name, attachedRoutes, supportedKinds, conditions }) => {
      const { Accepted, Conflicted, ResolvedRefs } = words(conditions);
      return [
        name,
        attachedRoutes,
        supportedKinds.map(({ kind }) => kind),
        Accepted,
        Conflicted,
        ResolvedRefs,
      ];
    }),
    [
      ["tcp", 1, ["TCPRoute"], "True Accepted", "False NoConflicts", "False InvalidRouteKinds"],
      [
        "http",
        0,
        ["HTTPRoute", "GRPCRoute"],
        "False ProtocolConflict",
        "True ProtocolConflict",
        "True ResolvedRefs",
      ],
      ["web", 0, ["HTTPRoute", "GRPCRoute"], "True Accepted", "False NoConflicts", "True ResolvedRefs"],
    ],
  );
  const acceptedOf = (name: string) =>
    words((status(`TCPRoute default/${name}`) as RouteStatus).parents[0]?.conditions ?? [])["Accepted"];
  assert.deepEqual(["older", "younger", "elsewhere"].map(acceptedOf), [
    "True Accepted",
    "False Conflicted",
    "False NotAllowedByListeners",
  ]);
});
