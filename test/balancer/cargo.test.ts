// The balancer's own tests, in Rust.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const manifest = join(import.meta.dirname, "..", "..", "lb", "Cargo.toml");

test("the balancer's units, and endless churn from several workers", async () => {
  const options = ["--manifest-path", manifest, "--release", "--quiet"];
  const { stdout } = await run("cargo", ["test", ...options], { maxBuffer: 16 * 1024 * 1024 });
  const passed = [...stdout.matchAll(/(\d+) passed/g)].map(([, count]) => Number(count));
  assert.ok(passed.reduce((sum, count) => sum + count, 0) > 40, stdout);
});
