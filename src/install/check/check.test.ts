import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ableNode,
  healthy,
  meshed,
  namespace,
  now,
  otherRoots,
  replica,
  rootsMadeAt,
  webhook,
  year,
} from "#test/helpers/cluster-snapshot.ts";
import { checkInstallation } from "./check.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

test("a mesh that is all right gives good news only", () => {
  const findings = checkInstallation(healthy);
  assert.deepEqual(
    findings.filter(({ severity }) => severity !== "ok"),
    [],
  );
  assert.deepEqual(
    findings
      .map(({ subject, message }) => `${subject}: ${message}`)
      .filter((line) => !line.startsWith("authority")),
    [
      "Kubernetes: v1.36.3",
      "control plane: 2 of 2 replicas ready, version 0.1.0",
      "leader: heddle-a",
      "injection: by webhook",
      "validation: wrong routes and policies are refused",
      "Gateway API: installed",
      "namespaces: 1 in the mesh: shop",
      "trust bundles: in every namespace of the mesh",
      "balancing: by latency",
      "pods: 1 with a proxy of this version",
    ],
  );
});

test("injection by policy is as good as by webhook", () => {
  const byPolicy = {
    ...healthy,
    injectionWebhook: undefined,
    injectionPolicy: { policy: true, binding: true },
  };
  assert.ok(checkInstallation(byPolicy).every(({ severity }) => severity === "ok"));
});

test("an installation for proxies without the balancer says so, and misses it nowhere", () => {
  const { installed } = healthy;
  assert.ok(installed !== undefined);
  const findings = checkInstallation({
    ...healthy,
    installed: { ...installed, latencyAware: false },
    connectedProxies: new Map([["web-1.shop", { version: "1.40.0", metadata: {} }]]),
  });
  assert.ok(findings.every(({ severity }) => severity === "ok"));
  assert.match(
    findings.map(({ message }) => message).join("\n"),
    /by outstanding requests.*--no-latency-aware/,
  );
});

test("a namespace that is ending lacks nothing", () => {
  const metadata = {
    name: "ending",
    labels: { "heddle.dev/inject": "enabled" },
    deletionTimestamp: "2026-11-26T00:00:00Z",
  };
  const namespaces = [...healthy.namespaces, { apiVersion: "v1", kind: "Namespace", metadata }];
  const findings = checkInstallation({ ...healthy, namespaces });
  assert.deepEqual(findings, checkInstallation(healthy));
});

interface Defect {
  readonly name: string;
  readonly change: Partial<ClusterSnapshot>;
  readonly severity: "warning" | "error";
  readonly message: RegExp;
  readonly remedy: RegExp;
}

const defects: readonly Defect[] = [
  {
    name: "an old cluster",
    change: { server: { major: 1, minor: 28, text: "v1.28.0" } },
    severity: "error",
    message: /v1\.28\.0 has no native sidecars/,
    remedy: /1\.29 or later/,
  },
  {
    name: "no installation",
    change: { installed: undefined },
    severity: "error",
    message: /not installed/,
    remedy: /^heddle install$/,
  },
  {
    name: "no replica that is ready",
    change: { controlPlanePods: [replica("heddle-a", { ready: false })] },
    severity: "error",
    message: /no replica is ready/,
    remedy: /logs/,
  },
  {
    name: "one replica too few",
    change: { controlPlanePods: [replica("heddle-a"), replica("heddle-b", { ready: false })] },
    severity: "warning",
    message: /1 of 2 replicas ready/,
    remedy: /get pods/,
  },
  {
    name: "a replica of another version",
    change: { controlPlanePods: [replica("heddle-a"), replica("heddle-b", { image: "old:1" })] },
    severity: "warning",
    message: /1 replica of another version: heddle-b/,
    remedy: /rollout status/,
  },
  {
    name: "no leader",
    change: { lease: undefined },
    severity: "error",
    message: /no replica leads/,
    remedy: /logs/,
  },
  {
    name: "a leader that says nothing any more",
    change: { now: now + 60_000 },
    severity: "error",
    message: /no replica leads/,
    remedy: /logs/,
  },
  {
    name: "an authority that cannot be read",
    change: { roots: undefined },
    severity: "warning",
    message: /heddle-ca is absent, or you may not read it/,
    remedy: /get secret heddle-ca/,
  },
  {
    name: "an authority that is none",
    change: { roots: "hello" },
    severity: "error",
    message: /is no certificate/,
    remedy: /delete the secret/,
  },
  {
    name: "an authority that has expired",
    change: { roots: rootsMadeAt(now - 20 * year) },
    severity: "error",
    message: /its root has expired on 20/,
    remedy: /new authority/,
  },
  {
    name: "neither webhook nor policy",
    change: { injectionWebhook: undefined },
    severity: "error",
    message: /neither webhook nor policy/,
    remedy: /heddle install/,
  },
  {
    name: "webhook and policy",
    change: { injectionPolicy: { policy: true, binding: true } },
    severity: "warning",
    message: /both the webhook and the policy/,
    remedy: /--injection/,
  },
  {
    name: "a policy without its binding",
    change: { injectionWebhook: undefined, injectionPolicy: { policy: true, binding: false } },
    severity: "error",
    message: /its binding is missing/,
    remedy: /--injection=policy/,
  },
  {
    name: "a webhook that the API server cannot trust",
    change: { injectionWebhook: webhook("heddle-injection", "") },
    severity: "error",
    message: /heddle-injection has no caBundle.*pods of meshed namespaces cannot be created/,
    remedy: /logs/,
  },
  {
    name: "a webhook of another authority",
    change: { injectionWebhook: webhook("heddle-injection", otherRoots) },
    severity: "error",
    message: /caBundle of heddle-injection is not of the mesh's authority/,
    remedy: /logs/,
  },
  {
    name: "no validating webhook",
    change: { validationWebhook: undefined },
    severity: "warning",
    message: /wrong routes are not refused/,
    remedy: /heddle install/,
  },
  {
    name: "no Gateway API",
    change: { gatewayApi: false, gatewayClass: false },
    severity: "warning",
    message: /CRDs are not installed/,
    remedy: /heddle install/,
  },
  {
    name: "no GatewayClass",
    change: { gatewayClass: false },
    severity: "warning",
    message: /GatewayClass heddle is missing/,
    remedy: /heddle install/,
  },
  {
    name: "no namespace in the mesh",
    change: { namespaces: [namespace("shop", {})] },
    severity: "warning",
    message: /none is in the mesh/,
    remedy: /kubectl label namespace/,
  },
  {
    name: "a namespace without trust bundle",
    change: { trustBundles: new Map() },
    severity: "error",
    message: /missing in 1 namespace \(shop\)/,
    remedy: /logs/,
  },
  {
    name: "a trust bundle of another authority",
    change: { trustBundles: new Map([["shop", otherRoots]]) },
    severity: "error",
    message: /of another authority in 1 namespace \(shop\)/,
    remedy: /logs/,
  },
  {
    name: "a namespace whose Pod Security level forbids the init container",
    change: {
      namespaces: [
        namespace("shop", {
          "heddle.dev/inject": "enabled",
          "pod-security.kubernetes.io/enforce": "baseline",
        }),
      ],
    },
    severity: "error",
    message: /namespace shop enforces the Pod Security level baseline/,
    remedy: /kubectl label namespace shop pod-security\.kubernetes\.io\/enforce=privileged/,
  },
  {
    name: "a pod without the sidecar that it should have",
    change: { pods: [{ ...meshed, proxy: "none", proxyImage: "" }] },
    severity: "error",
    message: /1 pod of shop should have a sidecar, and has none: web-1/,
    remedy: /kubectl rollout restart .* -n shop/,
  },
  {
    name: "a proxy that does not start",
    change: { pods: [{ ...meshed, ready: false, crashes: true }] },
    severity: "error",
    message: /1 proxy of shop does not start: web-1/,
    remedy:
      /kubectl logs -n shop web-1 -c heddle-proxy says why; if \/heddle\/lb\.so is missing .*--no-latency-aware/,
  },
  {
    name: "a proxy that no replica knows",
    change: { connectedProxies: new Map([["web-2.shop", ableNode]]) },
    severity: "warning",
    message: /1 proxy of shop is ready, but not connected to the control plane, .*: web-1/,
    remedy: /kubectl logs -n shop web-1 -c heddle-proxy/,
  },
  {
    name: "a proxy without the balancer",
    change: { connectedProxies: new Map([["web-1.shop", { version: "1.40.0", metadata: {} }]]) },
    severity: "warning",
    message: /1 proxy of shop cannot balance by latency, .*: web-1/,
    remedy: /kubectl rollout restart .* -n shop/,
  },
  {
    name: "a proxy of another Envoy",
    change: { connectedProxies: new Map([["web-1.shop", { ...ableNode, version: "1.41.0" }]]) },
    severity: "warning",
    message: /1 proxy of shop cannot balance by latency/,
    remedy: /needs Envoy 1.40/,
  },
  {
    name: "a proxy of another version",
    change: { pods: [{ ...meshed, proxyImage: "heddle/proxy:0.0.1" }] },
    severity: "warning",
    message: /1 pod of shop has a proxy of another version: web-1/,
    remedy: /kubectl rollout restart .* -n shop/,
  },
  {
    name: "a route that does not work",
    change: {
      problems: [
        {
          severity: "error",
          message: "there is no Service reviews",
          object: { kind: "HTTPRoute", namespace: "shop", name: "reviews" },
          field: "spec.rules[0]",
        },
      ],
    },
    severity: "warning",
    message: /HTTPRoute shop\/reviews spec\.rules\[0\]: there is no Service reviews/,
    remedy: /heddle status/,
  },
];

for (const { name, change, severity, message, remedy } of defects) {
  test(`a check finds ${name}`, () => {
    const found = checkInstallation({ ...healthy, ...change }).find((each) => message.test(each.message));
    assert.ok(found, "no finding has that message");
    assert.equal(found.severity, severity);
    assert.match(found.remedy ?? "", remedy);
  });
}
