// `npm run balancer -- [x64|arm64] FILE`: builds the latency-aware balancer (lb/) for a kind of machine, by default this
// one. For another kind it needs Rust's standard library for it (`rustup target add`) and a linker: a cross compiler of
// Debian, or Zig from Python's packages (`pip install ziglang`).
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildBalancer, findBalancer } from "#local/balancer-library.ts";
import { findEnvoy } from "#local/envoy-binary.ts";
import { findProgram } from "#local/requirements.ts";

type Machine = "x64" | "arm64";

const machines: Readonly<Record<Machine, string>> = {
  x64: "x86_64",
  arm64: "aarch64",
};

/** Puts the library for this machine, or another kind, into a file. Throws with what to do if it cannot be built. */
export async function writeBalancer(file: string, machine: string = process.arch): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  if (machine === process.arch) return writeOwn(file);
  if (!isMachine(machine))
    throw new Error(`the balancer is built for ${Object.keys(machines).join(" and ")}`);
  const name = machines[machine];
  const work = mkdtempSync(join(tmpdir(), "heddle-linker-"));
  try {
    const variable = `CARGO_TARGET_${name.toUpperCase()}_UNKNOWN_LINUX_GNU_LINKER`;
    process.env[variable] ??= crossLinker(name, work);
    await buildBalancer("lb", file, `${name}-unknown-linux-gnu`);
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function writeOwn(file: string): Promise<void> {
  const say = (line: string): void => console.error(line);
  const library = await findBalancer(await findEnvoy(say), say);
  if (library.kind === "missing") throw new Error(`the balancer cannot be built: ${library.reason}`);
  copyFileSync(library.path, file);
}

function crossLinker(name: string, work: string): string {
  const ofDebian = findProgram(`${name}-linux-gnu-gcc`);
  if (ofDebian !== undefined) return ofDebian;
  try {
    execFileSync("python3", ["-m", "ziglang", "version"], { stdio: "ignore" });
  } catch {
    throw new Error(`no linker for ${name}: apt-get install gcc-${name}-linux-gnu, or pip install ziglang`);
  }
  const script = join(work, "linker");
  // The glibc of the oldest distributions that Envoy runs on.
  writeFileSync(script, `#!/bin/sh\nexec python3 -m ziglang cc -target ${name}-linux-gnu.2.17 "$@"\n`);
  chmodSync(script, 0o755);
  return script;
}

function isMachine(name: string): name is Machine {
  return name in machines;
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  const file = words.pop();
  if (file === undefined || words.length > 1) {
    console.error("usage: npm run balancer -- [x64|arm64] FILE");
    process.exit(2);
  }
  await writeBalancer(file, words[0]);
}
