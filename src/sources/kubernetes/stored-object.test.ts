import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Kind } from "#sources/objects.ts";
import { readStored } from "./stored-object.ts";

const metadata = {
  name: "web",
  namespace: "shop",
  uid: "u",
  resourceVersion: "12",
  generation: 1,
  creationTimestamp: "2026-01-01T00:00:00Z",
  managedFields: [{ manager: "kubectl", operation: "Apply" }],
  finalizers: ["example.com/x"],
};

function read(kind: Kind, apiVersion: string, rest: object) {
  const { object, problems } = readStored(kind, apiVersion, { metadata, ...rest });
  return { object, told: problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`) };
}

test("an item of a list gets its kind, and defaults and nulls of the server are no problem", () => {
  const spec = {
    parentRefs: [{ group: "", kind: "Service", name: "web", port: 80 }],
    hostnames: null,
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        backendRefs: [{ group: "", kind: "Service", name: "web", port: 80, weight: 1 }],
      },
    ],
  };
  const status = { parents: [{ controllerName: "example.com/other" }] };
  const { object, told } = read("HTTPRoute", "gateway.networking.k8s.io/v1", { spec, status });
  assert.deepEqual(told, []);
  const { hostnames: _none, ...kept } = spec;
  assert.deepEqual(object, {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "u",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: kept,
    status,
  });
});

test("a field of a newer definition has no effect and is told; what cannot be understood is refused", () => {
  const version = "networking.istio.io/v1";
  const newer = read("DestinationRule", version, { spec: { host: "web", fromTheFuture: {} } });
  assert.deepEqual(newer.told, [
    "warning spec.fromTheFuture: fromTheFuture is not supported yet and has no effect",
  ]);
  assert.notEqual(newer.object, undefined);
  const wrong = read("DestinationRule", version, { spec: { host: 5 } });
  assert.deepEqual(wrong.told, ["error spec.host: expected a string, found the number 5; put it in quotes"]);
  assert.equal(wrong.object, undefined);
});

test("whatever a lax definition let in is read without a fault, and only what fits takes effect", () => {
  const kinds: readonly [Kind, string][] = [
    ["HTTPRoute", "gateway.networking.k8s.io/v1"],
    ["Gateway", "gateway.networking.k8s.io/v1"],
    ["VirtualService", "networking.istio.io/v1"],
    ["DestinationRule", "networking.istio.io/v1"],
  ];
  const names = ["rules", "hosts", "http", "host", "subsets", "listeners", "parentRefs", "matches", "name"];
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, true, 0, -1, "", "web", "*"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.constantFrom(...kinds), value, value, ([kind, apiVersion], spec, status) => {
      const { object, problems } = readStored(kind, apiVersion, { metadata, spec, status });
      const isRefused = problems.some(({ severity }) => severity === "error");
      assert.equal(object === undefined, isRefused);
      if (typeof spec !== "object" || spec === null || Array.isArray(spec)) assert.ok(isRefused);
    }),
  );
});
