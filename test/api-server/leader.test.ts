// What the leader among the replicas keeps in the API server: made, repaired, removed, and written no more than needed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { trustBundleConfigMap } from "#identity/trust-bundle.ts";
import { systemNamespace } from "#model/installation.ts";
import type { KubernetesObject } from "#model/object.ts";
import { definition, makePod, namespace, put } from "#test/helpers/cluster-objects.ts";
import { openReplicaSet, type ReplicaSet } from "#test/helpers/replica-set.ts";
import { until } from "#test/helpers/wait.ts";

let set: ReplicaSet;
let rootPem: string;

before(async () => {
  set = await openReplicaSet(2);
  rootPem = (await set.authority()).get("root-cert.pem") ?? "";
});
after(() => set.stop());

test("namespaces that can have proxies have a trust bundle, whatever is done to it, and others have none", async () => {
  await put(set.admin, namespace("shop", { "heddle.dev/inject": "enabled" }));
  await put(set.admin, namespace("plain"));
  await put(set.admin, namespace("alone"));
  const pod = await makePod(set.admin, "alone", "one");
  for (const space of ["shop", "alone"])
    await until(
      async () => (await set.trustBundle(space))?.data?.["ca.pem"] === rootPem,
      `the bundle of ${space}`,
    );
  await set.admin.request("PATCH", `/api/v1/namespaces/shop/configmaps/${trustBundleConfigMap}`, {
    contentType: "application/merge-patch+json",
    body: { data: { "ca.pem": "another" } },
  });
  await until(async () => (await set.trustBundle("shop"))?.data?.["ca.pem"] === rootPem, "the repair");
  const earlier = (await set.trustBundle("shop"))?.metadata.uid;
  await set.admin.request("DELETE", `/api/v1/namespaces/shop/configmaps/${trustBundleConfigMap}`);
  await until(async () => {
    const now = (await set.trustBundle("shop"))?.metadata.uid;
    return now !== undefined && now !== earlier;
  }, "another one");
  await set.admin.request("DELETE", `/api/v1/namespaces/alone/pods/${pod.metadata.name}`, {
    query: { gracePeriodSeconds: "0" },
  });
  await until(async () => (await set.trustBundle("alone")) === undefined, "the bundle to go");
  assert.equal(await set.trustBundle("plain"), undefined);
  const { resourceVersion } = (await set.trustBundle("shop"))?.metadata ?? {};
  await sleep(1_000);
  assert.equal(
    (await set.trustBundle("shop"))?.metadata.resourceVersion,
    resourceVersion,
    "it is written again and again",
  );
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
  await put(set.admin, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: "heddle-injection" },
    webhooks: [webhook],
  } as KubernetesObject);
  type Configuration = KubernetesObject & {
    readonly metadata: {
      readonly managedFields: readonly { readonly manager: string; readonly fieldsV1: object }[];
    };
    readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
  };
  const bundleOf = async () => (await set.get<Configuration>(path))?.webhooks[0]?.clientConfig.caBundle;
  const expected = Buffer.from(rootPem).toString("base64");
  await until(async () => (await bundleOf()) === expected, "the bundle");
  await set.admin.request("PATCH", path, {
    contentType: "application/json-patch+json",
    body: [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }],
  });
  await until(async () => (await bundleOf()) === expected, "the bundle again");
  const ours = (await set.get<Configuration>(path))?.metadata.managedFields.find(
    ({ manager }) => manager === "heddle-ca-bundle",
  )?.fieldsV1;
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
    await put(set.admin, object);
  const apiVersion = `${gatewayApi}/v1`;
  const spec = (gatewayClassName: string) => ({
    gatewayClassName,
    listeners: [{ name: "http", port: 80, protocol: "HTTP" }],
  });
  for (const kind of ["gatewayclasses", "gateways", "httproutes"])
    await until(async () => (await set.get(`/apis/${apiVersion}/${kind}`)) !== undefined, kind);
  const gatewayClass = (name: string, controllerName: string) =>
    put(set.admin, {
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
    await put(set.admin, {
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
  const all = () => Promise.all(paths.map((path) => set.get(path)));
  await until(async () => (await all()).every((object) => object !== undefined), "the objects");
  await until(
    async () => (await set.trustBundle("plain")) !== undefined,
    "the trust bundle beside the gateway",
  );

  // What a user says about the number is kept, what he changes of the rest is not.
  const deployment = paths[2] as string;
  await set.admin.request("PATCH", deployment, {
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
      (await set.get<Deployment>(deployment))?.spec.template.spec.serviceAccountName === "public-heddle",
    "the repair",
  );
  assert.equal((await set.get<Deployment>(deployment))?.spec.replicas, 3);
  await set.admin.request("DELETE", paths[1] as string);
  await until(async () => (await set.get(paths[1] as string)) !== undefined, "the Service again");
  assert.equal(await set.get("/apis/apps/v1/namespaces/plain/deployments/theirs-heddle"), undefined);

  await set.admin.request("DELETE", `/apis/${apiVersion}/namespaces/plain/gateways/public`);
  await until(async () => (await all()).every((object) => object === undefined), "the objects to go");
});

interface WithStatus extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Who has held leases from now on; "" is nobody. */
async function followHolders(): Promise<{ end(): Promise<readonly string[]> }> {
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases`;
  const { metadata } = await set.admin.request<{ metadata: { resourceVersion: string } }>("GET", leases);
  const stop = new AbortController();
  const query = { resourceVersion: metadata.resourceVersion };
  type Lease = KubernetesObject & { readonly spec: { readonly holderIdentity?: string } };
  const events = await set.admin.watch<Lease>(leases, { query, signal: stop.signal });
  const holders: string[] = [];
  const watched = (async () => {
    for await (const { type, object } of events)
      if (type !== "BOOKMARK") holders.push(object.spec.holderIdentity ?? "");
  })().catch(() => {});
  return {
    async end() {
      await until(() => new Set(holders).size > 1, "a change of the lease");
      stop.abort();
      await watched;
      return holders;
    },
  };
}

test("statuses are written by the leader, once", async () => {
  const path = `/apis/${gatewayApi}/v1/gatewayclasses/heddle`;
  const read = () => set.get<WithStatus>(path);
  await until(
    async () =>
      (await read())?.status?.conditions?.some(
        (condition) => condition.type === "Accepted" && condition.status === "True",
      ) === true,
    "the condition",
  );
  const { resourceVersion } = (await read())?.metadata ?? {};
  // A change of leader and a metadata edit are no transitions.
  const old = await set.leader();
  const holders = await followHolders();
  assert.equal(await set.end(old, "SIGTERM"), 0);
  const next = await set.leader();
  assert.ok(
    (await holders.end()).includes(""),
    "a leader that ends in good order leaves the lease to others",
  );
  await put(set.admin, namespace("later", { "istio-injection": "enabled" }));
  await until(async () => (await set.trustBundle("later")) !== undefined, "the new leader's work");
  await sleep(1_000);
  assert.equal((await read())?.metadata.resourceVersion, resourceVersion);
  // Somebody else's status is put right, by one write.
  await set.admin.request("PATCH", `${path}/status`, {
    contentType: "application/merge-patch+json",
    body: { status: { conditions: [] } },
  });
  await until(async () => ((await read())?.status?.conditions?.length ?? 0) > 0, "the status again");
  const restored = (await read())?.metadata.resourceVersion;
  await sleep(1_000);
  assert.equal((await read())?.metadata.resourceVersion, restored);
  await set.start().ready();
  assert.equal(await set.leader(), next);
});

test("a route's status says what became of it, and is written on transitions alone", async () => {
  const collection = `/apis/${gatewayApi}/v1/namespaces/shop/httproutes`;
  const route = (backend: string, labels: Readonly<Record<string, string>> = {}, name = "web") =>
    put(set.admin, {
      apiVersion: `${gatewayApi}/v1`,
      kind: "HTTPRoute",
      metadata: { name, namespace: "shop", labels },
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
  await put(set.admin, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop" },
    spec: { ports: [{ name: "http", port: 80 }] },
  } as KubernetesObject);
  const conditionsOf = ({ status: written }: Route) =>
    Object.fromEntries(
      (written?.parents?.[0]?.conditions ?? []).map(({ type, status: value }) => [type, value]),
    );
  // The leader knows the Service once another route is attached to it.
  await route("web", {}, "earlier");
  const isAttached = async () =>
    conditionsOf((await set.get<Route>(`${collection}/earlier`)) as Route)["ResolvedRefs"] === "True";
  await until(isAttached, "the Service to be known");
  const { metadata } = await set.admin.request<{ metadata: { resourceVersion: string } }>("GET", collection);
  const seen: Readonly<Record<string, string>>[] = [];
  const watching = new AbortController();
  const events = await set.admin.watch<Route>(collection, {
    query: { resourceVersion: metadata.resourceVersion },
    signal: watching.signal,
  });
  const watched = (async () => {
    for await (const { type, object } of events)
      if (type !== "BOOKMARK" && object.metadata.name === "web") seen.push(conditionsOf(object));
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
  await until(() => seen.length >= 5, "the edit");
  await sleep(1_500);
  assert.equal(seen.length, 5, "an edit that changes nothing is followed by no write");
  watching.abort();
  await watched;
});

test("all that it does is in its role", () => {
  const refused = set.all().flatMap((replica) => replica.log().filter((line) => /forbidden/i.test(line)));
  assert.deepEqual(refused, []);
});
