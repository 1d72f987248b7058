import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { balancerFile } from "#model/balancer.ts";
import { findProgram } from "./requirements.ts";

const run = promisify(execFile);

/** The latency-aware balancer for the Envoys of this machine, or why there is none. */
export type BalancerLibrary =
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "missing"; readonly reason: string };

/**
 * Where the library is: `$HEDDLE_BALANCER`, beside the Envoy binary, the user's cache, or else it is built there with
 * cargo. Without it proxies balance by outstanding requests.
 */
export async function findBalancer(envoy: string, say: (line: string) => void): Promise<BalancerLibrary> {
  const named = process.env["HEDDLE_BALANCER"];
  if (named === "none") return { kind: "missing", reason: "HEDDLE_BALANCER says none" };
  if (named !== undefined && named !== "") return found(named);
  const beside = join(dirname(envoy), balancerFile);
  if (existsSync(beside)) return found(beside);
  const source = sourceDirectory();
  if (source === undefined) return { kind: "missing", reason: "its source is not there" };
  const cached = join(cacheDirectory(), `balancer-${digest(source)}`, balancerFile);
  if (existsSync(cached)) return found(cached);
  const compilers = ["cargo", "cc"].filter((program) => findProgram(program) === undefined);
  if (compilers.length > 0) {
    const packages = "apt-get install cargo gcc libc6-dev";
    return {
      kind: "missing",
      reason: `${compilers.join(" and ")} not found; on Debian and Ubuntu: ${packages}`,
    };
  }
  say(`building the latency-aware balancer (cargo) into ${dirname(cached)}`);
  try {
    await buildBalancer(source, cached);
    return found(cached);
  } catch (error) {
    return {
      kind: "missing",
      reason: `cargo failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function found(path: string): BalancerLibrary {
  return existsSync(path) ? { kind: "found", path } : { kind: "missing", reason: `there is no ${path}` };
}

/** Beside `src/`, or beside `dist/`. */
function sourceDirectory(): string | undefined {
  return ["../../lb", "../lb"]
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(join(path, "Cargo.toml")));
}

function cacheDirectory(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "heddle");
}

/** Of all that the library is made of. */
function digest(source: string): string {
  const files = ["Cargo.toml", ...globSync("{build,src/**/*}.rs", { cwd: source }).toSorted()];
  const hash = createHash("sha256").update(process.arch);
  for (const file of files) hash.update(file).update(readFileSync(join(source, file)));
  return hash.digest("hex").slice(0, 16);
}

/** Builds the library for a Rust target, by default this machine's, to `target`. */
export async function buildBalancer(source: string, target: string, rustTarget?: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "heddle-balancer-"));
  try {
    const platform = rustTarget === undefined ? [] : ["--target", rustTarget];
    await run("cargo", [
      "build",
      "--release",
      "--quiet",
      "--manifest-path",
      join(source, "Cargo.toml"),
      "--target-dir",
      work,
      ...platform,
    ]);
    await mkdir(dirname(target), { recursive: true });
    const built = join(work, ...(rustTarget === undefined ? [] : [rustTarget]), "release", "libheddle_lb.so");
    await copyFile(built, `${target}.new`);
    await rename(`${target}.new`, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
