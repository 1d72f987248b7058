// Pods at a real API server: webhook, policy and function must make the same of them. Of the cluster only the API server
// and its controllers are needed; pods are looked at as objects and never run.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { injectDocument } from "#injector/documents.ts";
import { admissionPolicies } from "#injector/policy/policies.ts";
import type { Pod } from "#model/kubernetes/pod.ts";
import type { KubernetesObject } from "#model/object.ts";
import { problemText } from "#model/reference.ts";
import { assertGolden } from "#test/helpers/golden.ts";
import { until } from "#test/helpers/wait.ts";
import {
  folder,
  type Harness,
  labelsFor,
  openHarness,
  podNamed,
  pods,
  settings,
} from "./admission/harness.ts";
import { type Outcome, outcomeOf, wordsOf } from "./admission/outcome.ts";
import { madePods, workloads } from "./admission/workloads.ts";

let harness: Harness;

before(async () => {
  harness = await openHarness();
});
after(() => harness.close());

const ways = [
  { way: "webhook", objects: () => harness.webhooks() },
  { way: "policy", objects: () => admissionPolicies(settings) },
] as const;

test("the function, the webhook and the policy make the same of every pod", async (t) => {
  const byFunction = await all(viaFunction);
  const madeByFunction = await madePods(harness, injectedTemplate);
  for (const { way, objects } of ways) {
    await harness.install(objects());
    const outcomes = await all((pod) => outcomeOf(harness.client, pod));
    const made = await madePods(harness, (workload) => workload);
    await harness.removeAll();
    for (const [index, pod] of pods.entries()) {
      await t.test(`${way}: ${nameOf(pod)}`, () => assert.deepEqual(outcomes[index], byFunction[index]));
    }
    for (const [index, { kind }] of workloads("").entries()) {
      await t.test(`${way}: the pod of a ${kind}`, () =>
        assert.deepEqual(made[index], madeByFunction[index]),
      );
    }
  }
  const words = byFunction.map((outcome, index) => `${nameOf(pods[index])}: ${wordsOf(outcome)}\n`);
  assertGolden(join(folder, "pods.outcomes.txt"), words.join(""));
});

for (const { way, objects } of ways) {
  describe(`with the ${way}`, () => {
    before(() => harness.install(objects()));
    after(() => harness.removeAll());

    test("a pod that is submitted again stays as it is", async () => {
      for (const pod of pods) {
        const once = await outcomeOf(harness.client, pod);
        if ("refusal" in once) continue;
        assert.deepEqual(await outcomeOf(harness.client, once.pod), once, nameOf(pod));
      }
    });

    test("what joins an injected pod later is looked at", async () => {
      const once = await outcomeOf(harness.client, podNamed("plain"));
      assert.ok("pod" in once);
      const { containers } = once.pod.spec;
      const late = (more: object): Pod => ({
        ...once.pod,
        spec: { ...once.pod.spec, containers: [...containers, { name: "late", image: "late:1", ...more }] },
      });
      const probed = await outcomeOf(harness.client, late({ livenessProbe: { tcpSocket: { port: 80 } } }));
      assert.ok("pod" in probed);
      assert.equal(probed.pod.spec.containers[1]?.livenessProbe?.httpGet?.path, "/tcp/80");
      const asProxy = await outcomeOf(harness.client, late({ securityContext: { runAsUser: 1337 } }));
      assert.match(
        wordsOf(asProxy),
        /^refused: user 1337 .*spec.containers\[1\].securityContext.runAsUser\)$/,
      );
    });

    test("a pod that cannot be is told of on what should have made it", async () => {
      const { client, podsOf, remove } = harness;
      const [deployment] = workloads("adm-baseline");
      await client.request("POST", "/apis/apps/v1/namespaces/adm-baseline/deployments", { body: deployment });
      await until(
        async () => (await eventsOf("adm-baseline")).includes("the Pod Security level baseline"),
        "an event",
      );
      await remove("apps/v1", "Deployment", "web", "adm-baseline");
      assert.deepEqual(await podsOf("adm-baseline"), []);
    });

    test("ephemeral containers come into an injected pod, but not as the proxy", async () => {
      const { client, remove } = harness;
      const path = "/api/v1/namespaces/adm-meshed/pods";
      await client.request("POST", path, { body: { ...podNamed("plain"), metadata: { name: "debugged" } } });
      const names = ({ spec }: Pod) => (spec.ephemeralContainers ?? []).map(({ name }) => name);
      const add = (name: string, securityContext: object) =>
        client.request<Pod>("PATCH", `${path}/debugged/ephemeralcontainers`, {
          body: { spec: { ephemeralContainers: [{ name, image: "debug:1", securityContext }] } },
          contentType: "application/strategic-merge-patch+json",
        });
      assert.deepEqual(names(await add("shell", {})), ["shell"]);
      await assert.rejects(
        add("proxy", { runAsUser: 1337 }),
        /user 1337 is the proxy's.*\(Pod adm-meshed\/debugged, spec.ephemeralContainers\[\d\].securityContext.runAsUser\)/,
      );
      await assert.rejects(add("group", { runAsUser: 1, runAsGroup: 1337 }), /group 1337 is the proxy's/);
      assert.deepEqual(names(await client.request<Pod>("GET", `${path}/debugged`)), ["shell"]);
      await remove("v1", "Pod", "debugged", "adm-meshed");
    });
  });
}

/** What the function makes of a pod, at a server that changes nothing. */
async function viaFunction(pod: Pod): Promise<Outcome> {
  const injection = injectDocument(pod, labelsFor, settings);
  if (injection.kind === "refused") return { refusal: problemText(injection.problem) };
  return outcomeOf(harness.client, injection.kind === "injected" ? (injection.object as Pod) : pod);
}

function injectedTemplate(workload: KubernetesObject): object {
  const injection = injectDocument(workload, labelsFor, settings);
  assert.ok(injection.kind === "injected");
  return injection.object;
}

async function all(of: (pod: Pod) => Promise<Outcome>): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const pod of pods) outcomes.push(await of(pod));
  return outcomes;
}

async function eventsOf(namespace: string): Promise<string> {
  return JSON.stringify(await harness.client.request("GET", `/api/v1/namespaces/${namespace}/events`));
}

function nameOf(pod: Pod | undefined): string {
  return pod?.metadata.generateName ?? pod?.metadata.name ?? "";
}
