import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#sources/objects.ts";
import { customSchema, ownResources } from "./custom-resources.ts";
import { apiOf, schemaOf } from "./kinds.ts";

test("what is read of Heddle's own kinds is what their definitions say; node src/sources/schema/update.ts writes it anew", () => {
  const resources = ownResources();
  assert.equal(resources.length, 2);
  for (const { group, names, versions } of resources) {
    const kind = names.kind as Kind;
    assert.deepEqual(customSchema(`${group}/${kind}`, resources), schemaOf(kind));
    const { plural, versions: read, namespaced } = apiOf(kind);
    assert.deepEqual(
      { plural, versions: read, namespaced },
      { plural: names.plural, versions: versions.map(({ name }) => name), namespaced: true },
    );
  }
});

test("Istio's Gateway and that of the Gateway API are two kinds, whom URLs call the same", () => {
  const { kind, plural, group } = apiOf("Gateway.networking.istio.io");
  assert.deepEqual(
    { kind, plural, group },
    { kind: "Gateway", plural: "gateways", group: "networking.istio.io" },
  );
  assert.equal(apiOf("Gateway").group, "gateway.networking.k8s.io");
});
