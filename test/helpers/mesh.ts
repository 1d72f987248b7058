// A real mesh for a test, run by the CLI: its own state directory and files, nothing left of it afterwards.
import { spawn, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MeshSummary, PodSummary } from "#local/api.ts";
import { askSocket } from "#local/socket-client.ts";
import { type StateDirectory, stateDirectory } from "#local/state-directory.ts";
import type { Problem } from "#model/reference.ts";
import { atEnd } from "./at-end.ts";
import type { Namespace } from "./namespace.ts";
import { podRunners } from "./pod-runners.ts";
import { makeScratch } from "./scratch.ts";
import { until } from "./wait.ts";

/** As users start it: what it compiles is kept, which halves the time that its programs take to start. */
const HEDDLE = join(import.meta.dirname, "..", "..", "bin", "heddle");
/** The stand-in application and its client: see test/local/apps. */
export const APPS = join(import.meta.dirname, "..", "local", "apps");

/** How a command ended. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A document of a file: YAML text, or an object. */
export type Document = string | object;

/** Files of the user by their names. */
export type Files = Readonly<Record<string, readonly Document[]>>;

export interface Mesh {
  /** Where the user's files are; it is followed. */
  readonly directory: string;
  readonly state: StateDirectory;
  /** Writes one file of the user, which may be there already. */
  write(name: string, ...documents: readonly Document[]): void;
  remove(name: string): void;
  /** Runs `heddle …` for this mesh, with `--state` where the command takes it (`--state` goes behind the command's name). */
  heddle(command: string, ...args: readonly string[]): Promise<Result>;
  /** Starts it, in the background, and waits until every pod is ready; throws with what it said if it does not. */
  up(): Promise<Result>;
  down(): Promise<void>;
  pods(): Promise<readonly PodSummary[]>;
  /** The pods of a workload by its name, those that are not ending. */
  podsOf(workload: string): Promise<readonly PodSummary[]>;
  summary(): Promise<MeshSummary>;
  problems(): Promise<readonly Problem[]>;
  /** Runs a command in a pod (`POD`, `deploy/NAME`, `NAMESPACE/POD`); any exit code is fine. */
  exec(target: string, command: readonly string[], options?: ExecOptions): Promise<Result>;
  /** The standard output of a command in a pod; throws unless it ends with 0. */
  output(target: string, command: readonly string[], options?: ExecOptions): Promise<string>;
  /** Waits until all of these workloads, or all that there are, have their pods ready. */
  ready(...workloads: readonly string[]): Promise<void>;
  /** Ends it and removes its directories. */
  close(): Promise<void>;
}

export interface ExecOptions {
  readonly namespace?: string;
  readonly container?: string;
}

/**
 * A mesh with these files, and with further arguments of `heddle up`: paths, or flags; not started yet. It is taken down
 * at the end of the test process at the latest.
 */
export function prepareMesh(files: Files, ...further: readonly string[]): Mesh {
  return prepareMeshOn(undefined, files, ...further);
}

/** The same on a machine whose network is this namespace. */
export function prepareMeshOn(
  network: Namespace | undefined,
  files: Files,
  ...further: readonly string[]
): Mesh {
  const scratches = [makeScratch("test"), makeScratch("test-files")] as const;
  const [root, directory] = [scratches[0].path, scratches[1].path];
  const state = stateDirectory(root);
  const callOff = atEnd(() => void spawnSync(HEDDLE, ["down", "--state", root]));

  const [program, ...start] = network === undefined ? [HEDDLE] : ["nsenter", `--net=${network.path}`, HEDDLE];
  const heddle = (command: string, ...args: readonly string[]): Promise<Result> =>
    runCommand(program, [...start, command, "--state", root, ...args]);
  // For what tests do often; the other commands show that `heddle exec` runs them.
  const runners = podRunners([HEDDLE, "exec", "--state", root]);
  const ask = <T>(path: string): Promise<T> => askSocket<T>(state.supervisorSocket, path);
  const pods = (): Promise<readonly PodSummary[]> => ask("/pods");
  const exec: Mesh["exec"] = (target, command, options = {}) => {
    const namespace = options.namespace === undefined ? [] : ["-n", options.namespace];
    const container = options.container === undefined ? [] : ["-c", options.container];
    const where = [...namespace, ...container, target];
    const isOften = command[0] === "curl" || command[1]?.startsWith(APPS) === true;
    return isOften ? runners.run(where, command) : heddle("exec", ...where, "--", ...command);
  };
  const write: Mesh["write"] = (name, ...documents) =>
    writeFileSync(join(directory, name), fileText(documents));
  for (const [name, documents] of Object.entries(files)) write(name, ...documents);

  return {
    directory,
    state,
    write,
    remove: (name) => rmSync(join(directory, name)),
    heddle,
    exec,
    pods,
    up: async () => succeeded(await heddle("up", "--detach", directory, ...further), "heddle up"),
    down: async () => void succeeded(await heddle("down"), "heddle down"),
    podsOf: async (workload) =>
      (await pods()).filter((pod) => pod.workload.endsWith(`/${workload}`) && pod.status !== "Terminating"),
    summary: () => ask("/mesh"),
    problems: () => ask("/problems"),
    output: async (target, command, options) =>
      succeeded(await exec(target, command, options), command.join(" ")).stdout,
    ready: (...workloads) =>
      until(
        async () => {
          const { workloads: progress } = await ask<MeshSummary>("/mesh");
          const wanted = progress.filter(
            ({ workload }) =>
              workloads.length === 0 || workloads.some((name) => workload.endsWith(`/${name}`)),
          );
          return wanted.length >= workloads.length && wanted.every((entry) => entry.ready >= entry.wanted);
        },
        `pods of ${workloads.join(", ") || "all workloads"} to be ready`,
      ),
    close: async () => {
      runners.stop();
      await heddle("down");
      callOff();
      for (const scratch of scratches) scratch.remove();
    },
  };
}

/** A mesh with these files, every pod of it ready. */
export function startMesh(files: Files, ...further: readonly string[]): Promise<Mesh> {
  return started(prepareMesh(files, ...further));
}

/** Starts a mesh; if it does not come up, nothing of it is left. */
export async function started(mesh: Mesh): Promise<Mesh> {
  try {
    await mesh.up();
  } catch (error) {
    await mesh.close();
    throw error;
  }
  return mesh;
}

/** JSON is YAML. */
function fileText(documents: readonly Document[]): string {
  return documents
    .map((document) => (typeof document === "string" ? document : JSON.stringify(document)))
    .join("\n---\n");
}

function runCommand(program: string, args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

function succeeded(result: Result, what: string): Result {
  if (result.code !== 0)
    throw new Error(`${what} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  return result;
}
