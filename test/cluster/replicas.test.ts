// Several replicas of the control plane on a real API server: who leads, what the leader keeps, who is let in.
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { KubernetesError } from "#kubernetes/client.ts";
import { authoritySecret, controlPlaneHost, leaderLease, systemNamespace } from "#model/installation.ts";
import type { ConfigMap, Secret } from "#model/kubernetes/configuration.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import { replicasPort, xdsPort } from "#runtime/ports.ts";
import { startApiServer, type TestApiServer } from "#test/helpers/api-server.ts";
import { definition, makePod, namespace, podToken, put, startPod } from "#test/helpers/cluster-objects.ts";
import { type DeltaClient, openDeltaClient } from "#test/helpers/delta-client.ts";
import { type Replica, startReplica } from "#test/helpers/replica.ts";
import { until } from "#test/helpers/wait.ts";
import { clusterType, listenerType, secretType, virtualHostType } from "#xds/type-urls.ts";

let server: TestApiServer;
let rootPem: string;
const replicas = new Map<number, Replica>();
const streams: DeltaClient[] = [];

/** What the control plane may do: its role must be this, or more. */
const rules = [
  {
    apiGroups: [""],
    resources: ["namespaces", "pods", "services", "serviceaccounts"],
    verbs: ["list", "watch"],
  },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: ["list", "watch"] },
  { apiGroups: ["gateway.networking.k8s.io", "networking.istio.io"], resources: ["*"], verbs: ["list", "watch"] },
  {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: ["gatewayclasses/status", "gateways/status", "httproutes/status", "grpcroutes/status"],
    verbs: ["patch"],
  },
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: [trustBundleConfigMap],
    verbs: ["list", "watch", "create", "patch", "delete"],
  },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch", "create", "patch", "delete"] },
  { apiGroups: [""], resources: ["services", "serviceaccounts"], verbs: ["create", "patch", "delete"] },
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
    resourceNames: ["heddle-injection", "heddle-validation"],
    verbs: ["list", "watch", "patch"],
  },
  { nonResourceURLs: ["/.well-known/openid-configuration", "/openid/v1/jwks"], verbs: ["get"] },
];
const systemRules = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: ["heddle-ca", "cacerts"], verbs: ["get"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [leaderLease],
    verbs: ["get", "update"],
  },
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: ["heddle-dependencies"],
    verbs: ["list", "watch", "create", "patch"],
  },
];

async function grant(): Promise<void> {
  const apiGroup = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "User", name: "reader", apiGroup }];
  const metadata = { name: "heddle" };
  const here = { name: "heddle", namespace: systemNamespace };
  const binding = (kind: string) => ({ roleRef: { apiGroup, kind, name: "heddle" }, subjects });
  const apiVersion = `${apiGroup}/v1`;
  for (const object of [
    { apiVersion, kind: "ClusterRole", metadata, rules },
    { apiVersion, kind: "ClusterRoleBinding", metadata, ...binding("ClusterRole") },
    { apiVersion, kind: "Role", metadata: here, rules: systemRules },
    { apiVersion, kind: "RoleBinding", metadata: here, ...binding("Role") },
  ])
    await put(server.admin, object);
}

function start(number: number): Replica {
  const replica = startReplica({ number, kubeconfig: server.kubeconfig("reader") });
  replicas.set(number, replica);
  return replica;
}

async function stop(replica: Replica, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
  replica.kill(signal);
  return replica.ended;
}

function stream(replica: Replica, token: string): DeltaClient {
  const client = openDeltaClient({
    address: `${replica.address}:${xdsPort}`,
    rootPem,
    token,
    serverName: controlPlaneHost,
  });
  streams.push(client);
  return client;
}

async function get<T extends KubernetesObject>(path: string): Promise<T | undefined> {
  return server.admin.request<T>("GET", path).catch((error: unknown) => {
    if (error instanceof KubernetesError && error.status === 404) return undefined;
    throw error;
  });
}

const bundle = (space: string) =>
  get<ConfigMap>(`/api/v1/namespaces/${space}/configmaps/${trustBundleConfigMap}`);

async function leader(timeoutMs = 15_000): Promise<Replica> {
  let found: Replica | undefined;
  await until(
    () => {
      const leaders = [...replicas.values()].filter((replica) => replica.leads());
      found = leaders[0];
      return leaders.length === 1;
    },
    "one leader",
    timeoutMs,
  );
  return found as Replica;
}

before(async () => {
  server = await startApiServer({ controllers: "garbage-collector-controller" });
  await put(server.admin, namespace(systemNamespace));
});
after(async () => {
  for (const client of streams) client.close();
  await Promise.all([...replicas.values()].map((replica) => stop(replica, "SIGKILL")));
  await server.stop();
});

test("without permissions a replica lives, and says why it is not ready, until it has them", async () => {
  const replica = start(1);
  await until(async () => {
    return (await replica.notReady())?.some((reason) => reason.includes('cannot get resource "secrets"')) === true;
  }, "the reason");
  await sleep(1_000);
  assert.ok(((await replica.notReady())?.length ?? 0) > 0);
  await grant();
  await replica.ready();
  // Not one of the kinds that come with definitions is there yet.
  assert.equal((await replica.ask("/problems")).status, 200);
  assert.equal(await stop(replica, "SIGTERM"), 0);
  replicas.clear();
});

test("two replicas that start together make one certificate authority, and one leads", async () => {
  await server.admin.request("DELETE", `/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`);
  const both = [start(1), start(2)];
  await Promise.all(both.map((replica) => replica.ready()));
  const secret = await get<Secret>(`/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`);
  rootPem = Buffer.from(secret?.data?.["root-cert.pem"] ?? "", "base64").toString();
  for (const { address } of both) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(
        {
          host: address,
          port: xdsPort,
          ca: rootPem,
          servername: controlPlaneHost,
          ALPNProtocols: ["h2"],
        },
        () => {
          socket.destroy();
          resolve();
        },
      );
      socket.on("error", reject);
    });
  }
  await leader();
});

test("namespaces that can have proxies have a trust bundle, whatever is done to it, and others have none", async () => {
  await put(server.admin, namespace("shop", { "heddle.dev/inject": "enabled" }));
  await put(server.admin, namespace("plain"));
  await put(server.admin, namespace("alone"));
  const pod = await makePod(server.admin, "alone", "one");
  for (const space of ["shop", "alone"])
    await until(async () => (await bundle(space))?.data?.["ca.pem"] === rootPem, `the bundle of ${space}`);
  await server.admin.request("PATCH", `/api/v1/namespaces/shop/configmaps/${trustBundleConfigMap}`, {
    contentType: "application/merge-patch+json",
    body: { data: { "ca.pem": "another" } },
  });
  await until(async () => (await bundle("shop"))?.data?.["ca.pem"] === rootPem, "the repair");
  const before = (await bundle("shop"))?.metadata.uid;
  await server.admin.request("DELETE", `/api/v1/namespaces/shop/configmaps/${trustBundleConfigMap}`);
  await until(async () => {
    const now = (await bundle("shop"))?.metadata.uid;
    return now !== undefined && now !== before;
  }, "another one");
  await server.admin.request("DELETE", `/api/v1/namespaces/alone/pods/${pod.metadata.name}`, {
    query: { gracePeriodSeconds: "0" },
  });
  await until(async () => (await bundle("alone")) === undefined, "the bundle to go");
  assert.equal(await bundle("plain"), undefined);
  const { resourceVersion } = (await bundle("shop"))?.metadata ?? {};
  await sleep(1_000);
  assert.equal((await bundle("shop"))?.metadata.resourceVersion, resourceVersion, "it is written again and again");
});
