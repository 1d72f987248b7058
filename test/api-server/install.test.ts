// Heddle comes into a cluster, changes there, and leaves it: on a real API server, with the real control plane running
// under the rights that the installation gives it. Nobody runs its pods; they are said to be ready.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { presentAmong } from "#install/apply.ts";
import { bringUp, type RunStep } from "#install/bring-up.ts";
import { checkInstallation } from "#install/check/check.ts";
import { readSnapshot } from "#install/check/snapshot.ts";
import { customResourceDefinitions } from "#install/crds/definitions.ts";
import { manifests } from "#install/manifests.ts";
import type { Manifest } from "#install/object.ts";
import { preflight } from "#install/preflight.ts";
import { defaultSettings, type InstallationSettings } from "#install/settings.ts";
import { uninstall } from "#install/uninstall.ts";
import { type KubernetesClient, KubernetesError, pathOf } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import type { KubernetesObject } from "#model/object.ts";
import { startApiServer, type TestApiServer } from "#test/helpers/api-server.ts";
import { type Replica, startReplica } from "#test/helpers/replica.ts";
import { runHeddle } from "#test/helpers/run-heddle.ts";
import { until } from "#test/helpers/wait.ts";
import { leftovers } from "./install/leftovers.ts";
import { kubeconfigOfAccount, sayReady } from "./install/stand-ins.ts";

const byWebhook: InstallationSettings = { ...defaultSettings("0.1.0"), gatewayApi: false };
const byPolicy: InstallationSettings = { ...byWebhook, injection: "policy" };
const silently: RunStep = (_name, work) => work(() => {});

let server: TestApiServer;
let client: KubernetesClient;
let stopSayingReady = (): void => {};

before(async () => {
  const controllers = ["deployment", "replicaset", "namespace", "serviceaccount", "garbage-collector"];
  server = await startApiServer({ controllers: controllers.map((name) => `${name}-controller`).join(",") });
  client = server.admin;
  // What everybody may do is written a moment after the server has started.
  const role = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:discovery";
  await until(
    () =>
      client.request("GET", role).then(
        () => true,
        () => false,
      ),
    "the rights of everybody",
  );
});
after(async () => {
  stopSayingReady();
  await server.stop();
});

/** Version of each object as the API server counts it. */
async function versionsOf(objects: readonly Manifest[]): Promise<readonly string[]> {
  return Promise.all(
    objects.map(async ({ apiVersion, kind, metadata }) => {
      const resource = await client.resourceOf(apiVersion, kind);
      assert.ok(resource !== undefined);
      const found = await client.request<{ readonly metadata: { readonly resourceVersion: string } }>(
        "GET",
        pathOf(resource, metadata),
      );
      return `${kind} ${metadata.name} ${found.metadata.resourceVersion}`;
    }),
  );
}

async function isForbidden(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => error instanceof KubernetesError && error.status === 403);
}

function create(path: string, body: object): Promise<KubernetesObject> {
  return client.request<KubernetesObject>("POST", path, { body });
}

describe("an installation", { concurrency: 1 }, () => {
  let replica: Replica | undefined;
  let account: KubernetesClient;

  const askReplica = async <T>(path: string) => (await replica?.ask(path))?.json() as T;
  const check = async () => checkInstallation(await readSnapshot(client, askReplica));
  const badNews = async () =>
    (await check())
      .filter(({ severity }) => severity !== "ok")
      .map(({ severity, message }) => `${severity}: ${message}`);

  before(async () => {
    stopSayingReady = sayReady(client);
  });
  const stopReplica = async () => {
    replica?.kill("SIGTERM");
    await replica?.ended;
    replica = undefined;
  };
  after(stopReplica);

  test("who may not install is told so, and nothing is changed", async () => {
    const reader = server.kubeconfig("reader");
    const { code, stderr } = await runHeddle(["install", "--kubeconfig", reader]);
    assert.equal(code, 1);
    assert.match(stderr, /nothing was changed:/);
    assert.match(stderr, /you may not get deployments\.apps in the namespace heddle-system: use a context/);
    assert.deepEqual(await leftovers(client), []);
  });

  test("everything is applied, and ready", async () => {
    assert.deepEqual((await preflight(client, byWebhook)).problems, []);
    // The control plane runs as soon as its account is there, as a pod would.
    const starting = kubeconfigOfAccount(client, server).then(async (kubeconfig) => {
      replica = startReplica({ number: 44, kubeconfig });
      account = await connectKubernetes({ kubeconfig });
      await replica.ready();
    });
    await bringUp(client, byWebhook, silently);
    await starting;
    const objects = manifests(byWebhook);
    assert.equal((await presentAmong(client, objects)).length, objects.length);
  });

  test("a check of it finds only what the cluster does not have", async () => {
    const expected = ["warning: its CRDs are not installed", "warning: none is in the mesh yet"];
    let news: readonly string[] = [];
    await until(async () => {
      news = await badNews();
      return isDeepStrictEqual(news, expected);
    }, "a good check").catch(() => assert.deepEqual(news, expected));
  });

  test("installing it again changes nothing", async () => {
    // Controllers may have something to add to what they have been given.
    let first = await versionsOf(manifests(byWebhook));
    await until(async () => {
      const last = first;
      await sleep(500);
      first = await versionsOf(manifests(byWebhook));
      return isDeepStrictEqual(first, last);
    }, "the last of the controllers");
    await bringUp(client, byWebhook, silently);
    assert.deepEqual(await versionsOf(manifests(byWebhook)), first);
  });

  test("another way to inject takes the place of the first, and back", async () => {
    const only = async (settings: InstallationSettings, other: InstallationSettings) => {
      const wanted = manifests(settings);
      const names = new Set(wanted.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
      const gone = manifests(other).filter(({ kind, metadata }) => !names.has(`${kind} ${metadata.name}`));
      assert.ok(gone.length > 0);
      assert.equal((await presentAmong(client, wanted)).length, wanted.length);
      assert.deepEqual(await presentAmong(client, gone), []);
    };
    await bringUp(client, byPolicy, silently);
    await only(byPolicy, byWebhook);
    assert.ok(
      (await check()).some(({ subject, message }) => subject === "injection" && message === "by policy"),
    );
    await bringUp(client, byWebhook, silently);
    await only(byWebhook, byPolicy);
  });

  test("another trust domain is refused while the mesh is there", async () => {
    const { problems } = await preflight(client, { ...byWebhook, trustDomain: "mesh.example" });
    assert.match(problems[0]?.message ?? "", /add --trust-domain cluster\.local/);
  });

  test("the control plane may not do what it need not", async () => {
    await create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "password" } };
    const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "other", namespace: "shop" } };
    for (const namespace of ["shop", "heddle-system"]) {
      await create(`/api/v1/namespaces/${namespace}/secrets`, secret);
      await isForbidden(account.request("GET", `/api/v1/namespaces/${namespace}/secrets/password`));
      await isForbidden(account.request("GET", `/api/v1/namespaces/${namespace}/secrets`));
    }
    await isForbidden(account.request("GET", "/api/v1/configmaps"));
    await isForbidden(account.apply(configMap, { fieldManager: "test" }));
    await isForbidden(account.request("POST", "/api/v1/namespaces/shop/configmaps", { body: configMap }));
    await isForbidden(account.request("POST", "/api/v1/namespaces/shop/pods", { body: {} }));
    await isForbidden(account.request("DELETE", "/api/v1/namespaces/shop"));
    await isForbidden(account.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/heddle"));
  });

  test("a namespace that joins gets its trust bundle, and pods that were there are told", async () => {
    await create("/api/v1/namespaces/shop/pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "old" },
      spec: { containers: [{ name: "app", image: "app:1" }] },
    });
    await client.request("PATCH", "/api/v1/namespaces/shop", {
      contentType: "application/merge-patch+json",
      body: { metadata: { labels: { "heddle.dev/inject": "enabled" } } },
    });
    await until(
      async () =>
        (await check()).some(({ subject, severity }) => subject === "trust bundles" && severity === "ok"),
      "a trust bundle",
    );
    assert.deepEqual(
      (await badNews()).filter((news) => news.startsWith("error")),
      ["error: 1 pod of shop should have a sidecar, and has none: old"],
    );
  });

  test("nothing was refused to the control plane", () => {
    assert.doesNotMatch((replica?.log() ?? []).join("\n"), /forbidden/i);
  });

  test("what somebody has removed is found, and a further install repairs it", async () => {
    const webhooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/heddle-injection";
    await client.request("DELETE", webhooks);
    assert.ok(
      (await badNews()).includes("error: neither webhook nor policy is there: new pods get no sidecar"),
    );
    await bringUp(client, byWebhook, silently);
    await client.request("GET", webhooks);
  });

  test("an API server that goes away is said to be away", async () => {
    await server.kill();
    for (const command of ["install", "check", "ps", "status"]) {
      const { code, stderr } = await runHeddle([command, "--kubeconfig", server.kubeconfig("admin")]);
      assert.equal(code, 1, command);
      assert.match(stderr, /127\.0\.0\.1/, command);
      assert.doesNotMatch(stderr, /^\s+at /m, command);
    }
    await server.start();
  });

  test("uninstalling leaves nothing but what users made", async () => {
    await stopReplica();
    assert.ok((await leftovers(client)).length > 10);
    await uninstall(client, () => {});
    assert.deepEqual(await leftovers(client), []);
    await client.request("GET", "/api/v1/namespaces/shop/pods/old");
  });

  test("uninstalling what is not there, or not whole, is no error", async () => {
    assert.equal(await uninstall(client, () => {}), 0);
    const [namespace, serviceAccount] = manifests(byWebhook);
    assert.ok(namespace !== undefined && serviceAccount !== undefined);
    for (const object of [namespace, serviceAccount])
      await client.apply(object, { fieldManager: "heddle-install" });
    assert.ok((await uninstall(client, () => {})) >= 1);
    assert.deepEqual(await leftovers(client), []);
  });

  test("uninstalling removes no policy of a user, nor what defines it", async () => {
    for (const definition of customResourceDefinitions("0.1.0"))
      await client.apply(definition, { fieldManager: "heddle-install" });
    const policy = {
      apiVersion: "heddle.dev/v1alpha1",
      kind: "RateLimit",
      metadata: { name: "web", namespace: "shop" },
      spec: {
        targetRefs: [{ group: "", kind: "Service", name: "web" }],
        limits: [{ requests: 1, unit: "Second" }],
      },
    };
    await until(
      () =>
        client.apply(policy, { fieldManager: "user" }).then(
          () => true,
          () => false,
        ),
      "the API server to take it",
    );
    assert.equal(await uninstall(client, () => {}), 1, "the other definition");
    const path = "/apis/heddle.dev/v1alpha1/namespaces/shop/ratelimits/web";
    await client.request("GET", path);
    await client.request("DELETE", path);
    assert.equal(await uninstall(client, () => {}), 1);
    await until(async () => (await leftovers(client)).length === 0, "the definitions to go");
  });
});
