// A real API server with namespaces of every kind, and the webhook server in this process for it to ask. What is
// installed is of the whole cluster, so these tests run one after the other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { admitObject } from "#api/admit-object.ts";
import { createWebhookServer } from "#api/webhooks.ts";
import { Graph } from "#collections/graph.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { admitPod } from "#injector/admission.ts";
import { admissionPolicies } from "#injector/policy/policies.ts";
import { defaultInjectionSettings, type InjectionSettings } from "#injector/settings.ts";
import { webhookConfigurations } from "#injector/webhook-configurations.ts";
import { type KubernetesClient, type KubernetesError, pathOf } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import { type Cluster, startCluster } from "#test/helpers/cluster.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { until } from "#test/helpers/wait.ts";
import { outcomeOf, wordsOf } from "./outcome.ts";

/** Where the tests' data is. */
export const folder = import.meta.dirname;

const documentsOf = (name: string) => loadAll(readFileSync(join(folder, name), "utf8"));
const namespaces = documentsOf("namespaces.yaml") as readonly KubernetesObject[];

/** The table of pods. */
export const pods = (documentsOf("pods.yaml") as readonly Pod[]).map(
  (pod): Pod => ({ ...pod, apiVersion: "v1", kind: "Pod" }),
);

export const settings: InjectionSettings = {
  ...defaultInjectionSettings,
  proxyImage: "mesh.local/heddle-proxy:1",
  controlPlaneImage: "mesh.local/heddle-control-plane:1",
  imagePullPolicy: "IfNotPresent",
  terminationDelaySeconds: 5,
};

/** One of the table. */
export function podNamed(name: string): Pod {
  return pods.find(({ metadata }) => metadata.name === name) ?? assert.fail(`there is no pod ${name}`);
}

/** Of one of the test's namespaces. */
export function labelsFor(name: string): Readonly<Record<string, string>> {
  return namespaces.find(({ metadata }) => metadata.name === name)?.metadata.labels ?? {};
}

export interface Harness {
  readonly client: KubernetesClient;
  /** Of the webhook server. */
  readonly port: number;
  /** PEM; whose certificate the webhook server has. */
  readonly root: () => string;
  /** Gives the server another certificate, of another authority if there is one. */
  readonly replaceCertificate: (next?: TestAuthority) => Promise<void>;
  /** The webhook configurations, with the server of this process. */
  readonly webhooks: (roots?: string) => readonly KubernetesObject[];
  /** Applies webhooks or policies, and waits until the API server obeys them. */
  readonly install: (objects: readonly KubernetesObject[]) => Promise<void>;
  /** Removes all of them, and waits. */
  readonly removeAll: () => Promise<void>;
  readonly remove: (apiVersion: string, kind: string, name: string, namespace?: string) => Promise<void>;
  readonly podsOf: (namespace: string) => Promise<readonly Pod[]>;
  readonly close: () => Promise<void>;
}

/** Connects to the cluster of the environment, makes the namespaces and starts the webhook server. */
export async function openHarness(): Promise<Harness> {
  const cluster = await startCluster();
  const { kubeconfig, context } = cluster;
  const client = await connectKubernetes({ kubeconfig, ...(context !== undefined && { context }) });
  const faults: unknown[] = [];
  let authority = await createAuthority();
  const certificate = async () => {
    const { chain, key } = await authority.issue({ dns: ["heddle.heddle-system.svc", "localhost"] });
    return { chainPem: chain, keyPem: key };
  };
  const graph = new Graph({ onFault: ({ error }) => faults.push(error) });
  const inputs = checkInputs(graph, testObjects(graph).objects);
  const server = createWebhookServer({
    certificate: await certificate(),
    answers: {
      injection: (review, selectedBy) => admitPod(review, { settings, selectedBy, labelsOf: labelsFor }),
      validation: (review) => admitObject(review, inputs),
      onFault: (error) => faults.push(error),
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const entrance = await openEntrance(cluster, port);
  const { remove, podsOf, removeAll } = removal(client);
  await removeAll();
  for (const { metadata } of namespaces) {
    await until(async () => !(await isEnding(client, metadata.name)), "the end of a namespace");
  }
  for (const namespace of namespaces) await client.apply(namespace, { fieldManager: "test", force: true });
  for (const { metadata } of namespaces) await until(() => hasAccount(client, metadata.name), "an account");
  const words = async (name: string) => wordsOf(await outcomeOf(client, podNamed(name)));
  return {
    client,
    port,
    root: () => authority.root,
    replaceCertificate: async (next = authority) => {
      authority = next;
      server.replaceCertificate(await certificate());
    },
    webhooks: (roots = authority.root) => {
      const caBundle = Buffer.from(roots).toString("base64");
      return webhookConfigurations((path) => ({
        url: `https://localhost:${entrance.port}${path}`,
        caBundle,
      }));
    },
    install: async (objects) => {
      for (const each of objects) await client.apply(each, { fieldManager: "test", force: true });
      for (const name of ["plain", "opts-in-by-label"]) {
        await until(async () => (await words(name)) === "injected", `the injection of ${name}`);
      }
      await until(async () => (await words("user-of-the-proxy")).includes("user 1337"), "a refusal");
    },
    removeAll,
    remove,
    podsOf,
    close: async () => {
      await removeAll();
      for (const { metadata } of namespaces) await remove("v1", "Namespace", metadata.name);
      await entrance.close();
      await server.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** On the node of the test cluster, where nothing else listens. */
const entrancePort = 19_443;

/** Where the API server finds the webhook server: on the node's loopback, or on this machine's if it runs here. */
async function openEntrance(
  cluster: Cluster,
  port: number,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const node = await cluster.nodeNetwork().catch(() => undefined);
  if (node === undefined) return { port, close: () => Promise.resolve() };
  const entrance = await node.listen(entrancePort, "127.0.0.1");
  entrance.on("connection", (socket) => {
    const inside = connect(port, "127.0.0.1");
    socket.pipe(inside).pipe(socket);
    socket.on("error", () => inside.destroy());
    inside.on("error", () => socket.destroy());
  });
  return {
    port: entrancePort,
    close: async () => {
      entrance.close();
      await node.close();
    },
  };
}

function removal(client: KubernetesClient): Pick<Harness, "remove" | "podsOf" | "removeAll"> {
  const remove: Harness["remove"] = async (apiVersion, kind, name, namespace) => {
    const resource = (await client.resourceOf(apiVersion, kind)) ?? assert.fail(kind);
    const path = pathOf(resource, { name, ...(namespace !== undefined && { namespace }) });
    const query = { propagationPolicy: "Background", gracePeriodSeconds: "0" };
    await client.request("DELETE", path, { query }).catch((error: KubernetesError) => {
      if (error.status !== 404) throw error;
    });
  };
  return {
    remove,
    podsOf: async (namespace) => {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      return (await client.request<{ readonly items: readonly Pod[] }>("GET", path)).items;
    },
    removeAll: async () => {
      for (const { apiVersion, kind, metadata } of [
        ...webhookConfigurations(),
        ...admissionPolicies(settings),
      ]) {
        await remove(apiVersion, kind, metadata.name);
      }
      await until(async () => {
        const outcome = await outcomeOf(client, podNamed("plain"));
        return "refusal" in outcome
          ? outcome.refusal.includes("not found")
          : wordsOf(outcome) === "left alone";
      }, "pods that are left alone");
    },
  };
}

/** What an earlier test has removed may still be there for a while. */
function isEnding(client: KubernetesClient, namespace: string): Promise<boolean> {
  return client.request<KubernetesObject>("GET", `/api/v1/namespaces/${namespace}`).then(
    ({ metadata }) => metadata.deletionTimestamp !== undefined,
    () => false,
  );
}

function hasAccount(client: KubernetesClient, namespace: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  return client.request("GET", path).then(
    () => true,
    () => false,
  );
}
