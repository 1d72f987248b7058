import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_STATE } from "#local/state-directory.ts";
import { chooseTarget } from "./target.ts";

const nothing = { localMesh: false, cluster: false };
const both = { localMesh: true, cluster: true };

test("what the user names is what a command is about", () => {
  assert.deepEqual(chooseTarget({ state: "/tmp/mesh" }, both), { kind: "local", state: "/tmp/mesh" });
  assert.deepEqual(chooseTarget({ context: "shop" }, both), {
    kind: "kubernetes",
    cluster: { context: "shop" },
  });
  assert.deepEqual(chooseTarget({ kubeconfig: "/k" }, nothing), {
    kind: "kubernetes",
    cluster: { kubeconfig: "/k" },
  });
});

test("a mesh that is up on this machine goes before the current kube context", () => {
  const local = { kind: "local", state: DEFAULT_STATE };
  assert.deepEqual(chooseTarget({}, both), local);
  assert.deepEqual(chooseTarget({}, { localMesh: false, cluster: true }), {
    kind: "kubernetes",
    cluster: {},
  });
  assert.deepEqual(chooseTarget({}, nothing), local);
});

test("two meshes at once are refused", () => {
  assert.throws(() => chooseTarget({ state: "/s", context: "shop" }, nothing), /give one of them/);
});
