import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultInjectionSettings } from "#injector/settings.ts";
import { readReplicaSettings } from "./settings.ts";

const env = { POD_NAME: "heddle-1", POD_IP: "10.0.0.1" };

test("the Downward API is enough for a start", () => {
  assert.deepEqual(readReplicaSettings([], env), {
    pod: { name: "heddle-1", address: "10.0.0.1" },
    trustDomain: "cluster.local",
    certificateLifetimeMs: 86_400_000,
    api: { host: "127.0.0.1", port: 15_019 },
    injection: defaultInjectionSettings,
    mesh: { outboundTrafficPolicy: "passthrough" },
  });
});

test("images, resources and the termination delay of sidecars are told by options", () => {
  const { injection, mesh, trustDomain } = readReplicaSettings(
    [
      "--trust-domain=example.org",
      "--proxy-image=p:1",
      "--latency-aware=false",
      "--proxy-memory-limit=1Gi",
      "--proxy-cpu-limit=2",
      "--termination-delay=5",
      "--outbound-traffic-policy=REGISTRY_ONLY",
    ],
    env,
  );
  assert.equal(trustDomain, "example.org");
  assert.equal(mesh.outboundTrafficPolicy, "refuse");
  assert.equal(injection.proxyImage, "p:1");
  assert.equal(injection.latencyAware, false);
  assert.equal(injection.terminationDelaySeconds, 5);
  assert.deepEqual(injection.proxyResources, {
    ...defaultInjectionSettings.proxyResources,
    memoryLimit: "1Gi",
    cpuLimit: "2",
  });
});

test("what is missing or wrong is told with the usage", () => {
  assert.throws(() => readReplicaSettings([], {}), /POD_NAME and POD_IP/);
  assert.throws(() => readReplicaSettings(["--concurrency=none"], env), /usage/);
  assert.throws(() => readReplicaSettings(["--termination-delay=soon"], env), /usage/);
  assert.throws(() => readReplicaSettings(["--latency-aware=perhaps"], env), /usage/);
  assert.throws(() => readReplicaSettings(["--api-listen=15019"], env), /usage/);
});
