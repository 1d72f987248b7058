// Pods, routes and policies at a real API server: webhook, policy and function must say the same of them. Of the
// cluster only the API server and its controllers are needed; pods are looked at as objects and never run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadAll } from "js-yaml";
import { admitObject } from "#api/admit-object.ts";
import { createWebhookServer, type WebhookServer } from "#api/webhooks.ts";
import { Graph } from "#collections/graph.ts";
import { checkInputs } from "#compile/checks/inputs.ts";
import { admitPod } from "#injector/admission.ts";
import { injectDocument } from "#injector/documents.ts";
import { isInjected } from "#injector/inject.ts";
import { admissionPolicies } from "#injector/policy/policies.ts";
import { defaultInjectionSettings, type InjectionSettings } from "#injector/settings.ts";
import { webhookConfigurations, webhookTrust } from "#injector/webhook-configurations.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { pathOf } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import { problemText } from "#model/reference.ts";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import { assertGolden } from "#test/helpers/golden.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { normal, type Outcome, tryPod } from "./admission/pods.ts";

const folder = join(import.meta.dirname, "admission");
const documentsOf = (name: string) => loadAll(readFileSync(join(folder, name), "utf8"));
const namespaces = documentsOf("namespaces.yaml") as readonly KubernetesObject[];
const pods = (documentsOf("pods.yaml") as readonly Pod[]).map((pod) => ({
  ...pod,
  apiVersion: "v1",
  kind: "Pod",
}));

const settings: InjectionSettings = {
  ...defaultInjectionSettings,
  proxyImage: "mesh.local/heddle-proxy:1",
  controlPlaneImage: "mesh.local/heddle-control-plane:1",
  imagePullPolicy: "IfNotPresent",
};

const labelsOf = (name: string) => namespaces.find(({ metadata }) => metadata.name === name)?.metadata.labels;

let client: KubernetesClient;
let authority: TestAuthority;
let server: WebhookServer;
let port = 0;
const faults: unknown[] = [];
const graph = new Graph({ onFault: ({ error }) => faults.push(error) });
const mesh = testObjects(graph);
const inputs = checkInputs(graph, mesh.objects);

async function certificate() {
  const { chain, key } = await authority.issue({ dns: ["heddle.heddle-system.svc", "localhost"] });
  return { chainPem: chain, keyPem: key };
}

before(async () => {
  client = await connectKubernetes();
  authority = await createAuthority();
  server = createWebhookServer({
    certificate: await certificate(),
    answers: {
      injection: (review, selectedBy) => admitPod(review, { settings, selectedBy, labelsOf }),
      validation: (review) => admitObject(review, inputs),
      onFault: (error) => faults.push(error),
    },
  });
  ({ port } = await server.listen({ host: "127.0.0.1", port: 0 }));
  await removeAll();
  for (const namespace of namespaces) await client.apply(namespace, { fieldManager: "test", force: true });
  for (const { metadata } of namespaces) await until(() => hasAccount(metadata.name), "no default account");
});

after(async () => {
  await removeAll();
  for (const { metadata } of namespaces) await remove("v1", "Namespace", metadata.name);
  await server.close();
  assert.deepEqual(faults, []);
});

test("the function, the webhook and the policy make the same of every pod", async (t) => {
  const byFunction = await outcomes(viaFunction);
  const madeByFunction = await madePods(injected);
  await install(webhooksHere());
  const byWebhook = await outcomes(viaServer);
  const madeByWebhook = await madePods((object) => object);
  await removeAll();
  await install(admissionPolicies(settings));
  const byPolicy = await outcomes(viaServer);
  const madeByPolicy = await madePods((object) => object);
  await removeAll();
  for (const [index, pod] of pods.entries()) {
    await t.test(nameOf(pod), () => {
      assert.deepEqual(byWebhook[index], byFunction[index], "webhook");
      assert.deepEqual(byPolicy[index], byFunction[index], "policy");
    });
  }
  for (const [index, { kind }] of workloads("adm-workloads").entries()) {
    await t.test(`the pod of a ${kind}`, () => {
      assert.deepEqual(madeByWebhook[index], madeByFunction[index], "webhook");
      assert.deepEqual(madeByPolicy[index], madeByFunction[index], "policy");
    });
  }
  const words = pods.map((pod, index) => `${nameOf(pod)}: ${wordsOf(byFunction[index])}\n`);
  assertGolden(join(folder, "pods.outcomes.txt"), words.join(""));
});

for (const [way, objects] of [
  ["webhook", () => webhooksHere()],
  ["policy", () => admissionPolicies(settings)],
] as const) {
  describe(`with the ${way}`, () => {
    before(() => install(objects()));
    after(removeAll);

    test("a pod that is submitted again stays as it is", async () => {
      for (const pod of pods) {
        const once = await viaServer(pod);
        if ("refusal" in once) continue;
        assert.deepEqual(await viaServer(once.pod), once, nameOf(pod));
      }
    });

    test("a pod that cannot be is told of on what should have made it", async () => {
      const [deployment] = workloads("adm-baseline");
      await client.request("POST", "/apis/apps/v1/namespaces/adm-baseline/deployments", { body: deployment });
      await until(async () => {
        const { items } = await client.request<{ readonly items: readonly { readonly message: string }[] }>(
          "GET",
          "/api/v1/namespaces/adm-baseline/events",
        );
        return items.some(({ message }) => message.includes("enforces the Pod Security level baseline"));
      }, "no event");
      await remove("apps/v1", "Deployment", "web", "adm-baseline");
      assert.deepEqual(await podsOf("adm-baseline"), []);
    });

    test("ephemeral containers come into an injected pod, but not as the proxy", async () => {
      const path = "/api/v1/namespaces/adm-meshed/pods";
      await client.request("POST", path, { body: { ...pods[0], metadata: { name: "debugged" } } });
      const add = (name: string, securityContext: object) =>
        client.request<Pod>("PATCH", `${path}/debugged/ephemeralcontainers`, {
          body: { spec: { ephemeralContainers: [{ name, image: "debug:1", securityContext }] } },
          contentType: "application/strategic-merge-patch+json",
        });
      const added = await add("shell", {});
      assert.deepEqual(names(added.spec.ephemeralContainers), ["shell"]);
      await assert.rejects(add("proxy", { runAsUser: 1337 }), (error: Error) => {
        assert.match(
          error.message,
          /user 1337 is the proxy's.*\(Pod adm-meshed\/debugged, spec.ephemeralContainers/,
        );
        return true;
      });
      await assert.rejects(add("group", { runAsUser: 1, runAsGroup: 1337 }), /group 1337 is the proxy's/);
      const again = await client.request<Pod>("GET", `${path}/debugged`);
      assert.deepEqual(names(again.spec.ephemeralContainers), ["shell"]);
      await remove("v1", "Pod", "debugged", "adm-meshed");
    });
  });
}

describe("the webhook server", () => {
  test("a certificate is replaced, and a root beside the old one, without a pod that is not injected", async () => {
    await install(webhooksHere());
    let stop = false;
    let created = 0;
    const creating = (async () => {
      while (!stop) {
        const outcome = await viaServer(pods[0] as Pod);
        assert.equal(wordsOf(outcome), "injected");
        created++;
      }
    })();
    for (let i = 0; i < 5; i++) {
      const wanted = created + 10;
      server.replaceCertificate(await certificate());
      await until(async () => created >= wanted, "no pods are created");
    }
    const next = await createAuthority("the next root");
    for (const object of webhookTrust(`${authority.root}\n${next.root}\n`)) {
      await client.apply(object, { fieldManager: "heddle-ca-bundle", force: true });
    }
    authority = next;
    await new Promise((resolve) => setTimeout(resolve, 500));
    server.replaceCertificate(await certificate());
    const wanted = created + 20;
    await until(async () => created >= wanted, "no pods are created");
    stop = true;
    await creating;
    await removeAll();
  });

  test("garbage is answered in words, and the next pod is injected", async (t) => {
    const review = reviewOf(pods[0] as Pod);
    const cases: readonly (readonly [string, string, number, RegExp])[] = [
      ["/inject/namespace", "{", 400, /is no JSON/],
      ["/inject/namespace", "[]", 400, /expected an AdmissionReview/],
      ["/inject/pod", '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', 400, /no request/],
      ["/validate", "null", 400, /expected an AdmissionReview/],
      [
        "/inject/namespace",
        JSON.stringify({ ...review, request: { ...review.request, object: 7 } }),
        200,
        /no Pod/,
      ],
      ["/inject/namespace", " ".repeat(9 * 1024 * 1024), 413, /more than/],
      ["/other", "{}", 404, /no webhook/],
    ];
    for (const [path, body, status, words] of cases) {
      const answer = await post(path, body);
      assert.equal(answer.status, status, body.slice(0, 40));
      assert.match(answer.text, words);
    }
    const good = await post("/inject/namespace", JSON.stringify(review));
    assert.match(good.text, /"patchType":"JSONPatch"/);
    const times: number[] = [];
    for (let i = 0; i < 500; i++) {
      const start = performance.now();
      await post("/inject/namespace", JSON.stringify(reviewOf(pods[18] as Pod)));
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
    t.diagnostic(`a pod takes ${at(0.5).toFixed(2)} ms (p50), ${at(0.99).toFixed(2)} ms (p99)`);
    assert.ok(at(0.99) <= 20, `p99 ${at(0.99)} ms`);
  });
});

/** Which of the ways is installed decides what the server makes of the pod. */
function viaServer(pod: Pod | (typeof pods)[number]): Promise<Outcome> {
  return tryPod(client, pod, pod.metadata.namespace ?? "");
}

/** What the function makes of a pod, at a server that changes nothing. */
async function viaFunction(pod: (typeof pods)[number]): Promise<Outcome> {
  const injection = injectDocument(structuredClone(pod), labelsFor, settings);
  if (injection.kind === "refused") return { refusal: problemText(injection.problem) };
  return tryPod(client, injection.kind === "injected" ? injection.object : pod, pod.metadata.namespace ?? "");
}

async function outcomes(
  of: (pod: (typeof pods)[number]) => Promise<Outcome>,
  these = pods,
): Promise<readonly Outcome[]> {
  const found: Outcome[] = [];
  for (const pod of these) found.push(await of(pod));
  return found;
}

function wordsOf(outcome: Outcome | undefined): string {
  if (outcome === undefined || "refusal" in outcome) return `refused: ${outcome?.refusal}`;
  return isInjected(outcome.pod) ? "injected" : "left alone";
}

function labelsFor(name: string): Readonly<Record<string, string>> {
  return labelsOf(name) ?? {};
}

function nameOf(pod: { readonly metadata: Pod["metadata"] }): string {
  return pod.metadata.generateName ?? pod.metadata.name;
}

function names(containers: readonly { readonly name: string }[] | undefined): readonly string[] {
  return (containers ?? []).map(({ name }) => name);
}

function webhooksHere(): readonly KubernetesObject[] {
  const caBundle = Buffer.from(authority.root).toString("base64");
  return webhookConfigurations((path) => ({ url: `https://localhost:${port}${path}`, caBundle }));
}

/** Applies admission objects and waits until the server obeys them. */
async function install(objects: readonly KubernetesObject[]): Promise<void> {
  for (const object of objects) await client.apply(object, { fieldManager: "test", force: true });
  const sample = (name: string) => pods.find(({ metadata }) => metadata.name === name) ?? assert.fail(name);
  await until(async () => {
    const [plain, optedIn, asProxy] = await outcomes(viaServer, [
      sample("plain"),
      sample("opts-in-by-label"),
      sample("user-of-the-proxy"),
    ]);
    return (
      [plain, optedIn].every((each) => wordsOf(each) === "injected") && wordsOf(asProxy).includes("user 1337")
    );
  }, "pods are not injected");
}

async function removeAll(): Promise<void> {
  for (const { apiVersion, kind, metadata } of [...webhookConfigurations(), ...admissionPolicies(settings)]) {
    await remove(apiVersion, kind, metadata.name);
  }
  const pod = pods[0] ?? assert.fail();
  if ((await podsOf("adm-meshed").catch(() => undefined)) === undefined) return;
  await until(async () => {
    const outcome = await viaServer(pod);
    return "refusal" in outcome || !isInjected(outcome.pod);
  }, "pods are still injected");
}

async function remove(apiVersion: string, kind: string, name: string, namespace?: string): Promise<void> {
  const resource = (await client.resourceOf(apiVersion, kind)) ?? assert.fail(kind);
  const path = pathOf(resource, { name, ...(namespace !== undefined && { namespace }) });
  const query = { propagationPolicy: "Background", gracePeriodSeconds: "0" };
  await client.request("DELETE", path, { query }).catch((error: { readonly status?: number }) => {
    if (error.status !== 404) throw error;
  });
}

async function podsOf(namespace: string): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return (await client.request<{ readonly items: readonly Pod[] }>("GET", path)).items;
}

async function hasAccount(namespace: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  return client.request("GET", path).then(
    () => true,
    () => false,
  );
}

async function until(condition: () => Promise<boolean>, words: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, words);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const podSpec = {
  containers: [
    {
      name: "web",
      image: "web:1",
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/ready", port: "http" } },
    },
  ],
};

/** One of each kind whose controller makes pods. */
function workloads(namespace: string): readonly KubernetesObject[] {
  const metadata = { name: "web", namespace };
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: podSpec };
  const selector = { matchLabels: labels };
  const jobTemplate = { metadata: { labels }, spec: { ...podSpec, restartPolicy: "Never" } };
  return [
    object("apps/v1", "Deployment", metadata, { selector, template }),
    object("apps/v1", "StatefulSet", metadata, { selector, template, serviceName: "web" }),
    object("batch/v1", "Job", metadata, { template: jobTemplate }),
  ];
}

function object(
  apiVersion: string,
  kind: string,
  metadata: KubernetesObject["metadata"],
  spec: object,
): KubernetesObject {
  const made = { apiVersion, kind, metadata, spec };
  return made;
}

function injected(object: KubernetesObject): object {
  const injection = injectDocument(object, labelsFor, settings);
  assert.ok(injection.kind === "injected");
  return injection.object;
}

/** What the controllers make of the workloads: annotations and spec, as the server keeps them. */
async function madePods(prepared: (object: KubernetesObject) => object): Promise<readonly object[]> {
  const namespace = "adm-workloads";
  const made: object[] = [];
  for (const workload of workloads(namespace)) {
    const { apiVersion, kind, metadata } = workload;
    const resource = (await client.resourceOf(apiVersion, kind)) ?? assert.fail(kind);
    await client.request("POST", pathOf(resource, { namespace }), { body: prepared(workload) });
    await until(async () => (await podsOf(namespace)).length > 0, `no pod of ${kind}`);
    const pod = (await podsOf(namespace))[0] ?? assert.fail();
    assert.ok(isInjected(pod), `the pod of ${kind} is not injected`);
    const { metadata: about, spec } = normal(pod);
    made.push({ annotations: about.annotations, spec: withoutHostname(spec) });
    await remove(apiVersion, kind, metadata.name, namespace);
    await until(async () => (await podsOf(namespace)).length === 0, `the pod of ${kind} stays`);
  }
  return made;
}

/** A pod that its controller has named has its name in its spec. */
function withoutHostname({ hostname: _hostname, ...spec }: Pod["spec"]): object {
  return spec;
}

function reviewOf(pod: object) {
  const request = { uid: "1", operation: "CREATE", namespace: "adm-meshed", object: pod };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
}

const agent = new Agent({ keepAlive: true });
after(() => agent.destroy());

function post(
  path: string,
  body: string,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const options = { host: "127.0.0.1", port, path, method: "POST", headers, agent, ca: authority.root };
    const sent = httpsRequest({ ...options, servername: "heddle.heddle-system.svc" }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
