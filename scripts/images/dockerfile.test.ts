import assert from "node:assert/strict";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readDockerfile } from "./dockerfile.ts";

test("the Dockerfile of the control plane is read as it is", () => {
  assert.deepEqual(readDockerfile("images/control-plane/Dockerfile"), {
    steps: [
      { kind: "from", image: "docker.io/library/node:24-trixie-slim" },
      { kind: "install", packages: ["nftables"] },
      { kind: "copy", source: "dist/images/control-plane/", target: "/" },
    ],
    user: "65532:65532",
    entrypoint: ["node", "/heddle/main-kubernetes.js"],
    command: [],
  });
});

test("every Dockerfile can be built without Docker", () => {
  const files = globSync("images/*/Dockerfile");
  assert.ok(files.length >= 4);
  for (const file of files) assert.equal(readDockerfile(file).steps[0]?.kind, "from", file);
});

test("what is made for each kind of machine is that of this one", () => {
  const { steps } = readDockerfile("images/proxy/Dockerfile");
  const source = `dist/images/proxy/${process.arch === "x64" ? "amd64" : process.arch}/`;
  assert.deepEqual(steps.at(-1), { kind: "copy", source, target: "/" });
});

test("an instruction that only Docker knows is refused", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "heddle-dockerfile-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "Dockerfile");
  writeFileSync(file, "FROM docker.io/library/node:24-trixie-slim\nRUN npm install\n");
  assert.throws(() => readDockerfile(file), /not understood: RUN npm install/);
});
