/** How a mesh ends: by Ctrl-C, by heddle down, by kill -9; and that nothing of it is left. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { envoyBinary } from "#test/helpers/envoy.ts";
import { type Mesh, prepareMesh, prepareMeshOn } from "#test/helpers/mesh.ts";
import { createNamespace, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { client } from "#test/helpers/workloads.ts";

const CLI = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** Namespaces, processes and mounts of a mesh, its relay in the machine's network among them. */
function remains(mesh: Mesh): readonly string[] {
  const names = readdirSync("/run/netns").filter((name) => name.startsWith(`heddle-${mesh.state.id}`));
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(mesh.state.root));
  const processes = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) =>
      [mesh.state.root, `heddle-${mesh.state.id}`].some((own) => commandLine(pid).includes(own)),
    );
  return [...names, ...mounts, ...processes];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** `heddle up` in the foreground. */
async function foreground(mesh: Mesh): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", CLI, "up", "--state", mesh.state.root, mesh.directory],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes("pods ready after") || child.exitCode !== null, "heddle up");
  assert.equal(child.exitCode, null, said);
  return child;
}

/** All of a machine's network that a mesh could change. */
function networkOf(machine: Namespace): string {
  const all =
    "ip -o link; ip -o address; ip route show table all; ip rule; nft list ruleset; grep -r . /proc/sys/net/ipv4/conf";
  return machine.run("sh", ["-c", all]);
}

/** Envoy where it lacks the rights to listen in another network. */
const envoyWithoutRelay = `#!/bin/sh
case "$*" in *network_namespace_filepath*) echo "it may not" >&2; exit 1; esac
exec ${envoyBinary()} "$@"
`;

function supervisorOf(mesh: Mesh): number {
  return Number(readFileSync(mesh.state.supervisorPid, "utf8"));
}

describe("the end of a mesh", () => {
  const meshes: Mesh[] = [];
  const prepare = (name = "client"): Mesh => {
    const mesh = prepareMesh({ "objects.yaml": [client(name, { replicas: 2 })] });
    meshes.push(mesh);
    return mesh;
  };
  afterEach(async () => {
    for (const mesh of meshes.splice(0)) await mesh.close();
  });

  test("Ctrl-C ends all of it", async () => {
    const mesh = prepare();
    const child = await foreground(mesh);
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, 0);
    assert.deepEqual(remains(mesh), []);
  });

  test("a launcher that is killed takes the mesh with it", async () => {
    const mesh = prepare();
    const child = await foreground(mesh);
    child.kill("SIGKILL");
    await until(() => remains(mesh).length === 0, "the end of the mesh");
  });

  test("a supervisor that is killed in the foreground leaves nothing, and the command says that it failed", async () => {
    const mesh = prepare();
    const child = await foreground(mesh);
    process.kill(supervisorOf(mesh), "SIGKILL");
    assert.equal((await once(child, "exit"))[0], 1);
    assert.deepEqual(remains(mesh), []);
  });

  test("heddle up after a kill -9 of the supervisor starts anew, and heddle down removes all, also twice", async () => {
    const mesh = prepare();
    await mesh.up();
    const before = (await mesh.pods()).flatMap(({ containers }) => containers.map(({ pid }) => pid ?? 0));
    process.kill(supervisorOf(mesh), "SIGKILL");
    assert.equal((await mesh.heddle("ps")).code, 1);
    await mesh.up();
    const pods = await mesh.pods();
    assert.equal(pods.length, 2);
    for (const pid of before) assert.equal(commandLine(String(pid)), "", `process ${pid} is gone`);
    await mesh.down();
    assert.deepEqual(remains(mesh), []);
    await mesh.down();
  });

  test("heddle down after a kill -9 removes all", async () => {
    const mesh = prepare();
    await mesh.up();
    process.kill(supervisorOf(mesh), "SIGKILL");
    await mesh.down();
    assert.deepEqual(remains(mesh), []);
  });

  test("a second mesh in the same directory is refused, one in another runs beside the first", async () => {
    const [first, second] = [prepare("one"), prepare("two")];
    await Promise.all([first.up(), second.up()]);
    const again = await first.heddle("up", "--detach", first.directory);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /a mesh runs in .* already/);
    assert.match(await first.output("deploy/one", ["hostname"]), /^one-/);
    assert.match(await second.output("deploy/two", ["hostname"]), /^two-/);
    await first.down();
    assert.match(await second.output("deploy/two", ["hostname"]), /^two-/);
  });

  test("the machine's network stays as it is", async () => {
    const machine = await createNamespace();
    const before = networkOf(machine);
    const mesh = prepareMeshOn(machine, { "objects.yaml": [client("client")] });
    meshes.push(mesh);
    await mesh.up();
    assert.equal(networkOf(machine), before);
    await mesh.down();
    assert.deepEqual(remains(mesh), []);
    await machine.close();
  });

  test("a gateway's port that is in use and a relay that cannot run are told, and the rest runs", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(address !== null && typeof address === "object");
    const mesh = prepare();
    mesh.write("gateway.yaml", {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: "front", namespace: "default" },
      spec: {
        gatewayClassName: "heddle",
        listeners: [{ name: "http", port: address.port, protocol: "HTTP" }],
      },
    });
    const envoy = join(mesh.directory, "envoy");
    writeFileSync(envoy, envoyWithoutRelay, { mode: 0o755 });
    process.env["HEDDLE_ENVOY"] = envoy;
    const up = await mesh.heddle("up", "--detach", mesh.directory);
    delete process.env["HEDDLE_ENVOY"];
    assert.match(up.stderr, /warning: nothing outside of the mesh can be reached, .*\(it may not\)/);
    assert.match(
      up.stderr,
      new RegExp(`gateway.yaml:1: error: port ${address.port} of this machine is in use`),
    );
    assert.equal(
      (await mesh.podsOf("client")).every(({ ready }) => ready),
      true,
    );
    other.close();
  });
});
