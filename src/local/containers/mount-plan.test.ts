import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostFiles, type Mount, planMounts } from "./mount-plan.ts";

const directories = ["/", "/etc", "/run", "/var", "/var/run", "/var/lib", "/srv", "/srv/app"];
const host: HostFiles = {
  kindOf: (path) => (directories.includes(path) ? "directory" : path === "/etc/hosts" ? "file" : "absent"),
  realPath: (path) => path.replace(/^\/var\/run/, "/run"),
  rootEntries: ["etc", "run", "srv", "var"],
};

function mount(target: string, kind: Mount["kind"] = "directory"): Mount {
  return { source: `/source${target}`, target, kind, readOnly: false };
}

test("what exists on the host is mounted over, and nothing is made for it", () => {
  const plan = planMounts([mount("/srv/app"), mount("/etc/hosts", "file")], host);
  assert.deepEqual(
    plan.mounts.map(({ target, point }) => [target, point]),
    [
      ["/srv/app", "there"],
      ["/etc/hosts", "there"],
    ],
  );
  assert.deepEqual(plan.layered, []);
  assert.equal(plan.newRoot, undefined);
});

test("a mount point that does not exist is made in a layer over the nearest directory that does", () => {
  const plan = planMounts([mount("/etc/app/config"), mount("/var/lib/data"), mount("/srv/app/x/y")], host);
  assert.deepEqual([...plan.layered].sort(), ["/etc", "/srv/app", "/var/lib"]);
});

test("symbolic links of the host are followed, and all of /run is new anyway", () => {
  const plan = planMounts([mount("/var/run/secrets/token")], host);
  assert.deepEqual(
    plan.mounts.map(({ target, point }) => [target, point]),
    [["/run/secrets/token", "made"]],
  );
  assert.deepEqual(plan.layered, []);
});

test("a mount point in the root needs a new root, and one inside another mount comes after it", () => {
  const plan = planMounts([mount("/data/inner"), mount("/data")], host);
  assert.deepEqual(
    plan.mounts.map(({ target, point }) => [target, point]),
    [
      ["/data", "made"],
      ["/data/inner", "nested"],
    ],
  );
  assert.deepEqual(
    plan.newRoot?.map(({ name }) => name),
    ["etc", "run", "srv", "var"],
  );
});
