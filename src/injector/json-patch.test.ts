import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PatchOperation, patchOf } from "./json-patch.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Applies a patch as an API server does. */
function apply(value: unknown, patch: readonly PatchOperation[]): unknown {
  let root = structuredClone(value);
  for (const operation of patch) {
    const steps = operation.path
      .split("/")
      .slice(1)
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = steps.pop();
    if (last === undefined) {
      assert.ok(operation.op === "replace");
      root = structuredClone(operation.value);
      continue;
    }
    const holder = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], root);
    change(holder as Record<string, unknown> | unknown[], last, operation);
  }
  return root;
}

function change(holder: Record<string, unknown> | unknown[], key: string, operation: PatchOperation): void {
  if (operation.op !== "add") assert.ok(key in holder, operation.path);
  if (Array.isArray(holder) && operation.op === "add")
    holder.splice(Number(key), 0, structuredClone(operation.value));
  else if (operation.op === "remove") delete (holder as Record<string, unknown>)[key];
  else (holder as Record<string, unknown>)[key] = structuredClone(operation.value);
}

test("a patch makes the second value of the first one", () => {
  const named = fc.record(
    { name: fc.constantFrom("a", "b", "c"), value: fc.integer({ max: 2 }) },
    { noNullPrototype: true },
  );
  const json = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<Json>(null, true, 0, 1, "text"),
      fc.dictionary(fc.constantFrom("a", "b/c", "d~e"), tie("value"), {
        noNullPrototype: true,
      }) as fc.Arbitrary<Json>,
      fc.array(fc.oneof(tie("value"), named), { maxLength: 4 }) as fc.Arbitrary<Json>,
    ),
  })).value;
  fc.assert(
    fc.property(json, json, (before, after) => {
      assert.deepEqual(apply(before, patchOf(before, after)), after);
    }),
    { numRuns: 200 },
  );
});

test("a patch is as deep as it can be, and items are recognised by their names", () => {
  const before = { a: { "x/y": 1 }, list: [{ name: "old", port: 1 }], gone: true };
  const after = { a: { "x/y": 2 }, list: [{ name: "new" }, { name: "old", port: 2 }] };
  assert.deepEqual(patchOf(before, after), [
    { op: "remove", path: "/gone" },
    { op: "replace", path: "/a/x~1y", value: 2 },
    { op: "add", path: "/list/0", value: { name: "new" } },
    { op: "replace", path: "/list/1/port", value: 2 },
  ]);
  assert.deepEqual(patchOf(before, structuredClone(before)), []);
});
