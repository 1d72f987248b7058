import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { assertGolden } from "#test/helpers/golden.ts";
import { controlPlane, manifests } from "./manifests.ts";
import { installationLabels } from "./object.ts";
import { clusterRules, systemRules } from "./rbac.ts";
import { defaultSettings, type InjectionMode, injectionModes } from "./settings.ts";
import { toYaml } from "./yaml.ts";

const settings = defaultSettings("0.1.0");

test("the objects of the control plane", () => {
  assertGolden(join(import.meta.dirname, "testdata", "control-plane.yaml"), toYaml(controlPlane(settings)));
});

for (const injection of injectionModes) {
  test(`every object has the labels of the installation, and is there once, with injection by ${injection}`, () => {
    const objects = manifests({ ...settings, injection });
    for (const { kind, metadata } of objects) {
      for (const [label, value] of Object.entries(installationLabels("0.1.0"))) {
        assert.equal(metadata.labels?.[label], value, `${kind} ${metadata.name} ${label}`);
      }
    }
    const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    assert.equal(new Set(keys).size, keys.length);
  });
}

test("each way to inject has its objects, and wrong routes are refused with both", () => {
  const namesFor = (injection: InjectionMode) =>
    manifests({ ...settings, injection })
      .slice(controlPlane(settings).length)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  assert.deepEqual(namesFor("webhook"), [
    "MutatingWebhookConfiguration heddle-injection",
    "ValidatingWebhookConfiguration heddle-validation",
  ]);
  assert.deepEqual(namesFor("policy"), [
    "MutatingAdmissionPolicy heddle-injection",
    "MutatingAdmissionPolicyBinding heddle-injection",
    "ValidatingAdmissionPolicy heddle-injection",
    "ValidatingAdmissionPolicyBinding heddle-injection",
    "ValidatingAdmissionPolicy heddle-injection-warnings",
    "ValidatingAdmissionPolicyBinding heddle-injection-warnings",
    "ValidatingWebhookConfiguration heddle-validation",
  ]);
});

test("the namespace comes first, and what calls the control plane last", () => {
  const kinds = manifests(settings).map(({ kind }) => kind);
  assert.equal(kinds[0], "Namespace");
  const last = kinds.slice(controlPlane(settings).length);
  assert.ok(last.length > 0);
  for (const kind of last) assert.match(kind, /Webhook|Policy/);
});

test("without the Gateway API there is no GatewayClass", () => {
  const kinds = manifests({ ...settings, gatewayApi: false }).map(({ kind }) => kind);
  assert.ok(!kinds.includes("GatewayClass"));
});

test("no right is for everything, and secrets are for its own namespace alone", () => {
  const rules = [...clusterRules, ...systemRules];
  const words = rules.flatMap(({ apiGroups = [], resources = [], verbs }) => [
    ...apiGroups,
    ...resources,
    ...verbs,
  ]);
  assert.ok(!words.includes("*"));
  assert.ok(!clusterRules.some(({ resources = [] }) => resources.includes("secrets")));
  const writesPods = clusterRules.filter(
    ({ resources = [], verbs }) =>
      resources.includes("pods") && verbs.some((verb) => !/get|list|watch/.test(verb)),
  );
  assert.deepEqual(writesPods, []);
});
