import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { dump } from "js-yaml";
import type { KubernetesObject } from "#model/object.ts";
import { assertGolden } from "#test/helpers/golden.ts";
import { admissionPolicies } from "./policy/policies.ts";
import { defaultInjectionSettings } from "./settings.ts";
import { webhookConfigurations } from "./webhook-configurations.ts";

const yaml = (objects: readonly KubernetesObject[]) =>
  objects.map((object) => dump(object, { lineWidth: -1, noRefs: true })).join("---\n");

function assertObjects(name: string, text: string): void {
  assertGolden(join(import.meta.dirname, "testdata", name), text);
}

test("the webhook configurations", () => {
  assertObjects("webhook-configurations.yaml", yaml(webhookConfigurations()));
});

test("the admission policies", () => {
  // The bootstrap has a golden file of its own.
  const text = yaml(admissionPolicies(defaultInjectionSettings)).replaceAll(
    /"\{\\"node\\":.*?\]\}\}"/g,
    "<bootstrap>",
  );
  assertObjects("admission-policies.yaml", text);
});

test("a default limit of CPU is in the policy's container, and an annotation changes it", () => {
  const proxyResources = { ...defaultInjectionSettings.proxyResources, cpuLimit: "2" };
  const [mutating] = admissionPolicies({ ...defaultInjectionSettings, proxyResources });
  const text = JSON.stringify(mutating);
  assert.match(text, /limits: \{\\"cpu\\": variables.cpuLimit, \\"memory\\": variables.memoryLimit\}/);
  assert.match(text, /\[\?\\"sidecar.istio.io\/proxyCPULimit\\"\].orValue\(\\"2\\"\)/);
});
