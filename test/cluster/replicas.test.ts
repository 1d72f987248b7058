// Several replicas of the control plane on a real API server: who leads, what the leader keeps, who is let in.
import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { status } from "@grpc/grpc-js";
import { trustBundleSecret, workloadSecret } from "#envoy/names.ts";
import { authorityOf, type IssuedCertificate } from "#identity/authority.ts";
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
  {
    apiGroups: ["gateway.networking.k8s.io", "networking.istio.io"],
    resources: ["*"],
    verbs: ["list", "watch"],
  },
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
    return (
      (await replica.notReady())?.some((reason) => reason.includes('cannot get resource "secrets"')) === true
    );
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
  assert.equal(
    (await bundle("shop"))?.metadata.resourceVersion,
    resourceVersion,
    "it is written again and again",
  );
});

test("a proxy is let in by the token of its own pod alone, and waits for its pod to become known", async () => {
  const [replica] = [...replicas.values()] as [Replica];
  const pod = await makePod(server.admin, "shop", "web");
  await makePod(server.admin, "shop", "other");
  const web = { account: "web", pod };
  const refusals = {
    "without an address yet": await podToken(server.admin, web),
    "for another audience": await podToken(server.admin, {
      ...web,
      audience: "https://kubernetes.default.svc",
    }),
    garbage: "ey.ey.ey",
  };
  const [early, elsewhere, garbage] = Object.values(refusals).map((token) => {
    const client = stream(replica, token);
    client.subscribe(listenerType, []);
    return client;
  }) as [DeltaClient, DeltaClient, DeltaClient];
  // A token that was made for a pod which then becomes another's: the pod of that name runs as another account.
  await until(() => elsewhere.ended() !== undefined && garbage.ended() !== undefined, "the refusals");
  assert.equal(elsewhere.ended()?.code, status.UNAUTHENTICATED);
  assert.equal(garbage.ended()?.code, status.UNAUTHENTICATED);
  assert.equal(early.ended(), undefined, "the pod is not there yet, and may come");
  await startPod(server.admin, "shop", "web", "10.1.0.1");
  assert.deepEqual(Object.keys((await early.next()).resources).sort(), ["health", "inbound", "outbound"]);
});

test("the token of a pod that was replaced by another of its name gets nothing, and is asked to come again", async () => {
  const [replica] = [...replicas.values()] as [Replica];
  const before = await makePod(server.admin, "shop", "stateful");
  await startPod(server.admin, "shop", "stateful", "10.1.0.2");
  const token = await podToken(server.admin, { account: "stateful", pod: before });
  await server.admin.request("DELETE", "/api/v1/namespaces/shop/pods/stateful", {
    query: { gracePeriodSeconds: "0" },
  });
  await makePod(server.admin, "shop", "stateful");
  await startPod(server.admin, "shop", "stateful", "10.1.0.3");
  const client = stream(replica, token);
  client.subscribe(listenerType, []);
  await until(() => client.ended() !== undefined, "the refusal");
  assert.equal(client.ended()?.code, status.UNAVAILABLE);
  assert.deepEqual(client.received, []);
});

/** Everything that a proxy without traffic subscribes to, by type and name, and the versions of it. */
async function versionsOf(client: DeltaClient, known: Versions = {}): Promise<Versions> {
  const versions: Record<string, Record<string, string>> = {};
  client.subscribe(clusterType, [], known[clusterType]);
  client.subscribe(listenerType, [], known[listenerType]);
  client.subscribe(secretType, [workloadSecret, trustBundleSecret], known[secretType]);
  client.subscribe(virtualHostType, [serviceHost], known[virtualHostType]);
  for (let quietSince = performance.now(), seen = 0; performance.now() - quietSince < 700; await sleep(20)) {
    for (const response of client.received.slice(seen)) {
      client.ack(response);
      versions[response.typeUrl] = { ...versions[response.typeUrl], ...response.resources };
      quietSince = performance.now();
    }
    seen = client.received.length;
  }
  return versions;
}

type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;
const serviceHost = "outbound/10.96.0.80:80";

test("what one replica has sent, the other does not send again", async () => {
  const [one, two] = [...replicas.values()] as [Replica, Replica];
  await put(server.admin, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop" },
    spec: { clusterIP: "10.96.0.80", ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  } as KubernetesObject);
  const pod = await makePod(server.admin, "shop", "mover");
  await startPod(server.admin, "shop", "mover", "10.1.0.4");
  const token = await podToken(server.admin, { account: "mover", pod });
  const first = await versionsOf(stream(one, token));
  assert.deepEqual(Object.keys(first[secretType] ?? {}).sort(), [trustBundleSecret, workloadSecret].sort());
  assert.ok(Object.keys(first[clusterType] ?? {}).length >= 4, JSON.stringify(first));
  assert.deepEqual(Object.keys(first[virtualHostType] ?? {}), [serviceHost]);
  assert.deepEqual(await versionsOf(stream(two, token), first), {});
  // Both say the same, also to a proxy that comes with nothing.
  const { [secretType]: certificates, ...second } = await versionsOf(stream(two, token));
  const { [secretType]: earlier, ...others } = first;
  assert.deepEqual(second, others);
  assert.equal(certificates?.[trustBundleSecret], earlier?.[trustBundleSecret]);
});

test("every replica answers for all, and names those that do not answer", async () => {
  const [one, two] = [...replicas.values()] as [Replica, Replica];
  const endpoints = [one, two].map(({ address, pod }) => ({
    addresses: [address],
    targetRef: { kind: "Pod", namespace: systemNamespace, name: pod },
  }));
  const publish = (all: readonly object[]) =>
    put(server.admin, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "heddle-1",
        namespace: systemNamespace,
        labels: { "kubernetes.io/service-name": "heddle" },
      },
      addressType: "IPv4",
      endpoints: all,
    } as KubernetesObject);
  await publish(endpoints);
  const pod = await makePod(server.admin, "shop", "asker");
  await startPod(server.admin, "shop", "asker", "10.1.0.5");
  const client = stream(two, await podToken(server.admin, { account: "asker", pod }));
  await versionsOf(client);
  await until(async () => {
    const proxies = (await (await one.ask("/proxies")).json()) as readonly { readonly id: string }[];
    return proxies.some(({ id }) => id === "asker.shop");
  }, "the proxy of the other replica");
  const answer = await one.ask("/acknowledgements");
  const counts = (await answer.json()) as readonly {
    readonly object: { readonly kind: string; readonly name: string };
    readonly acknowledged: number;
    readonly proxies: number;
  }[];
  const ofService = counts.find(({ object }) => object.kind === "Service" && object.name === "web");
  assert.ok(ofService !== undefined && ofService.proxies >= 2, JSON.stringify(counts));
  assert.equal(ofService.acknowledged, ofService.proxies);
  assert.equal(answer.headers.get("heddle-unanswered"), null);

  await publish([...endpoints, { addresses: ["198.18.250.250"], targetRef: { kind: "Pod", name: "gone" } }]);
  await until(
    async () => (await one.ask("/stat")).headers.get("heddle-unanswered") === "198.18.250.250",
    "the replica that is named",
  );
  await publish(endpoints);
});

test("a replica answers other replicas alone: no workload's certificate will do", async () => {
  const [replica] = [...replicas.values()] as [Replica];
  const secret = await get<Secret>(`/api/v1/namespaces/${systemNamespace}/secrets/${authoritySecret}`);
  const files = Object.entries(secret?.data ?? {}).map(
    ([name, value]) => [name, Buffer.from(value, "base64").toString()] as const,
  );
  const authority = authorityOf(new Map(files), "test", { trustDomain: "cluster.local" });
  const workload = { namespace: "heddle-system", serviceAccount: "other", workload: "other" };
  const issued = {
    "": await authority.issueServer([controlPlaneHost], 60_000),
    workload: await authority.issueWorkload(workload, 60_000),
  };
  const ask = (certificate: IssuedCertificate | undefined) =>
    new Promise<number | string>((resolve) => {
      const sent = request({
        host: replica.address,
        port: replicasPort,
        path: "/proxies",
        servername: controlPlaneHost,
        ca: rootPem,
        agent: false,
        ...(certificate && { cert: certificate.chainPem, key: certificate.keyPem.reveal() }),
      });
      sent.on("response", (response) => resolve(response.statusCode ?? 0));
      sent.on("error", () => resolve("cut off"));
      sent.end();
    });
  assert.equal(await ask(issued[""]), 200);
  assert.equal(await ask(issued.workload), "cut off");
  assert.equal(await ask(undefined), "cut off");
});

test("the API server knows the webhooks by the mesh's authority, and only that field is ours", async () => {
  const path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/heddle-injection";
  const webhook = {
    name: "injection.heddle.dev",
    clientConfig: { service: { name: "heddle", namespace: systemNamespace } },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Ignore",
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
    namespaceSelector: { matchLabels: { nobody: "has-this" } },
  };
  await put(server.admin, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: "heddle-injection" },
    webhooks: [webhook],
  } as KubernetesObject);
  type Configuration = KubernetesObject & {
    readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
  };
  const bundleOf = async () => (await get<Configuration>(path))?.webhooks[0]?.clientConfig.caBundle;
  const expected = Buffer.from(rootPem).toString("base64");
  await until(async () => (await bundleOf()) === expected, "the bundle");
  await server.admin.request("PATCH", path, {
    contentType: "application/json-patch+json",
    body: [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }],
  });
  await until(async () => (await bundleOf()) === expected, "the bundle again");
  const { managedFields } = (await get<Configuration>(path))?.metadata as unknown as {
    readonly managedFields: readonly { readonly manager: string; readonly fieldsV1: object }[];
  };
  const ours = managedFields.find(({ manager }) => manager === "heddle-ca-bundle")?.fieldsV1;
  assert.deepEqual(ours, {
    "f:webhooks": {
      'k:{"name":"injection.heddle.dev"}': { ".": {}, "f:clientConfig": { "f:caBundle": {} }, "f:name": {} },
    },
  });
});

const gatewayApi = "gateway.networking.k8s.io";

test("a Gateway of our class becomes an account, a Deployment and a Service, and takes them with it", async () => {
  for (const object of [
    definition(gatewayApi, "GatewayClass", "gatewayclasses", { scope: "Cluster" }),
    definition(gatewayApi, "Gateway", "gateways"),
    definition(gatewayApi, "HTTPRoute", "httproutes"),
  ])
    await put(server.admin, object);
  const apiVersion = `${gatewayApi}/v1`;
  const spec = (gatewayClassName: string) => ({
    gatewayClassName,
    listeners: [{ name: "http", port: 80, protocol: "HTTP" }],
  });
  await until(async () => (await get(`/apis/${apiVersion}/gateways`)) !== undefined, "the kinds");
  const gatewayClass = (name: string, controllerName: string) =>
    put(server.admin, {
      apiVersion,
      kind: "GatewayClass",
      metadata: { name },
      spec: { controllerName },
    } as KubernetesObject);
  await gatewayClass("heddle", "heddle.dev/gateway-controller");
  await gatewayClass("foreign", "example.com/controller");
  for (const [name, of] of [
    ["public", "heddle"],
    ["theirs", "foreign"],
  ] as const)
    await put(server.admin, {
      apiVersion,
      kind: "Gateway",
      metadata: { name, namespace: "plain" },
      spec: spec(of),
    } as KubernetesObject);
  const paths = [
    "/api/v1/namespaces/plain/serviceaccounts/public-heddle",
    "/api/v1/namespaces/plain/services/public-heddle",
    "/apis/apps/v1/namespaces/plain/deployments/public-heddle",
  ];
  const all = () => Promise.all(paths.map((path) => get(path)));
  await until(async () => (await all()).every((object) => object !== undefined), "the objects");
  await until(async () => (await bundle("plain")) !== undefined, "the trust bundle beside the gateway");

  // What a user says about the number is kept, what he changes of the rest is not.
  const deployment = paths[2] as string;
  await server.admin.request("PATCH", deployment, {
    contentType: "application/merge-patch+json",
    body: { spec: { replicas: 3, template: { spec: { serviceAccountName: "default" } } } },
  });
  type Deployment = KubernetesObject & {
    readonly spec: {
      readonly replicas: number;
      readonly template: { readonly spec: { serviceAccountName: string } };
    };
  };
  await until(
    async () =>
      (await get<Deployment>(deployment))?.spec.template.spec.serviceAccountName === "public-heddle",
    "the repair",
  );
  assert.equal((await get<Deployment>(deployment))?.spec.replicas, 3);
  await server.admin.request("DELETE", paths[1] as string);
  await until(async () => (await get(paths[1] as string)) !== undefined, "the Service again");
  assert.equal(await get("/apis/apps/v1/namespaces/plain/deployments/theirs-heddle"), undefined);

  await server.admin.request("DELETE", `/apis/${apiVersion}/namespaces/plain/gateways/public`);
  await until(async () => (await all()).every((object) => object === undefined), "the objects to go", 40_000);
});

interface WithStatus extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

test("statuses are written by the leader, once", async () => {
  const path = `/apis/${gatewayApi}/v1/gatewayclasses/heddle`;
  const read = () => get<WithStatus>(path);
  await until(
    async () =>
      (await read())?.status?.conditions?.some(
        (condition) => condition.type === "Accepted" && condition.status === "True",
      ) === true,
    "the condition",
  );
  const { resourceVersion } = (await read())?.metadata ?? {};
  // A change of leader and a metadata edit are no transitions.
  const old = await leader();
  const number = old === replicas.get(1) ? 1 : 2;
  const began = performance.now();
  assert.equal(await stop(old, "SIGTERM"), 0);
  replicas.delete(number);
  const next = await leader();
  assert.ok(performance.now() - began < 8_000, "a leader that ends in good order is followed at once");
  await put(server.admin, namespace("later", { "istio-injection": "enabled" }));
  await until(async () => (await bundle("later")) !== undefined, "the new leader's work");
  await sleep(1_000);
  assert.equal((await read())?.metadata.resourceVersion, resourceVersion);
  // Somebody else's status is put right, by one write.
  await server.admin.request("PATCH", `${path}/status`, {
    contentType: "application/merge-patch+json",
    body: { status: { conditions: [] } },
  });
  await until(async () => ((await read())?.status?.conditions?.length ?? 0) > 0, "the status again");
  const restored = (await read())?.metadata.resourceVersion;
  await sleep(1_000);
  assert.equal((await read())?.metadata.resourceVersion, restored);
  await start(number).ready();
  assert.equal(await leader(), next);
});

test("a route's status says what became of it, and is written on transitions alone", async () => {
  const collection = `/apis/${gatewayApi}/v1/namespaces/shop/httproutes`;
  const route = (backend: string, labels: Readonly<Record<string, string>> = {}) =>
    put(server.admin, {
      apiVersion: `${gatewayApi}/v1`,
      kind: "HTTPRoute",
      metadata: { name: "web", namespace: "shop", labels },
      spec: {
        parentRefs: [{ group: "", kind: "Service", name: "web", port: 80 }],
        rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
      },
    } as KubernetesObject);
  type Route = KubernetesObject & {
    readonly status?: {
      readonly parents?: readonly {
        readonly conditions: readonly { readonly type: string; readonly status: string }[];
      }[];
    };
  };
  const conditionsOf = ({ status: written }: Route) =>
    Object.fromEntries(
      (written?.parents?.[0]?.conditions ?? []).map(({ type, status: value }) => [type, value]),
    );
  const { metadata } = await server.admin.request<{ metadata: { resourceVersion: string } }>(
    "GET",
    collection,
  );
  const seen: Readonly<Record<string, string>>[] = [];
  const watching = new AbortController();
  const events = await server.admin.watch<Route>(collection, {
    query: { resourceVersion: metadata.resourceVersion },
    signal: watching.signal,
  });
  const watched = (async () => {
    for await (const { type, object } of events) if (type !== "BOOKMARK") seen.push(conditionsOf(object));
  })().catch(() => {});
  const last = () => seen.at(-1) ?? {};
  await route("missing");
  await until(() => last()["ResolvedRefs"] === "False", "the unresolved reference");
  assert.equal(last()["Accepted"], "True");
  await route("web");
  await until(() => last()["ResolvedRefs"] === "True", "the resolved reference");
  await sleep(500);
  // Two of the user, and one of the leader after each.
  assert.equal(seen.length, 4, JSON.stringify(seen));
  await route("web", { team: "shop" });
  await sleep(1_500);
  assert.equal(seen.length, 5, "an edit that changes nothing is followed by no write");
  watching.abort();
  await watched;
});

test("a replica that ends lets its proxies go one after the other, and they may come to the other at once", async () => {
  const old = await leader();
  const other = [...replicas.values()].find((replica) => replica !== old) as Replica;
  const pod = await makePod(server.admin, "shop", "leaver");
  await startPod(server.admin, "shop", "leaver", "10.1.0.6");
  const token = await podToken(server.admin, { account: "leaver", pod });
  const clients = Array.from({ length: 20 }, () => stream(old, token));
  for (const client of clients) client.subscribe(listenerType, []);
  for (const client of clients) await client.next();
  const ends: number[] = [];
  old.kill("SIGTERM");
  const began = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      await until(() => client.ended() !== undefined, "the stream's end");
      ends.push(performance.now() - began);
    }),
  );
  assert.ok(Math.max(...ends) - Math.min(...ends) > 1_000, `they end together: ${ends.join(" ")}`);
  assert.ok(
    clients.every((client) => client.ended()?.code === status.OK),
    "an end is no failure",
  );
  assert.equal(await old.ended, 0);
  const moved = stream(other, token);
  moved.subscribe(listenerType, []);
  assert.ok(Object.keys((await moved.next()).resources).length > 0);
  const number = old === replicas.get(1) ? 1 : 2;
  replicas.delete(number);
  await start(number).ready();
});

test("a killed leader is followed when its lease has expired, and its work goes on", async () => {
  const old = await leader();
  const number = old === replicas.get(1) ? 1 : 2;
  await stop(old, "SIGKILL");
  replicas.delete(number);
  const next = await leader(20_000);
  assert.notEqual(next, old);
  await put(server.admin, namespace("orphaned", { "heddle.dev/inject": "enabled" }));
  await until(async () => (await bundle("orphaned")) !== undefined, "the next leader's work");
  await start(number).ready();
});

test("while the API server is away proxies are served, nobody leads on, and afterwards all goes on", async () => {
  const old = await leader();
  const pod = await makePod(server.admin, "shop", "stayer");
  await startPod(server.admin, "shop", "stayer", "10.1.0.7");
  const token = await podToken(server.admin, { account: "stayer", pod });
  const warm = stream(old, token);
  warm.subscribe(listenerType, []);
  await warm.next();
  await server.kill();
  await until(() => !old.leads(), "the leader to give up", 15_000);
  const client = stream(old, token);
  client.subscribe(listenerType, []);
  assert.equal(Object.keys((await client.next()).resources).length, 3);
  assert.equal(warm.ended(), undefined);
  assert.deepEqual(await old.notReady(), [], "what is known is served");
  // One that starts now waits.
  const late = startReplica({ number: 3, kubeconfig: server.kubeconfig("reader") });
  replicas.set(3, late);
  await until(
    async () => (await late.notReady())?.some((reason) => reason.includes("the API server")) === true,
    "the reason",
  );
  await server.start();
  await late.ready(30_000);
  await leader(30_000);
  await put(server.admin, namespace("afterwards", { "heddle.dev/inject": "enabled" }));
  await until(async () => (await bundle("afterwards")) !== undefined, "work after the outage", 30_000);
});
