import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayStatus } from "#model/gateway-api/status.ts";
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
