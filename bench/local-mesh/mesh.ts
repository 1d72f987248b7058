// A mesh of `heddle up` for a benchmark: from YAML of its own, in a state directory of its own, gone afterwards.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { dump } from "js-yaml";
import type { ContainerSummary, MeshSummary, PodSummary } from "#local/api.ts";
import { askSocket } from "#local/socket-client.ts";
import { stateDirectory } from "#local/state-directory.ts";
import type { KubernetesObject } from "#model/object.ts";
import { monotonicMs } from "../processes.ts";

const run = promisify(execFile);
const heddle = join(import.meta.dirname, "..", "..", "bin", "heddle");
const proxyContainer = "heddle-proxy";
const largestOutput = 64 * 1024 * 1024;

export interface LocalMesh {
  /** From `heddle up` to its end, which is when every pod is ready (ms). */
  readonly startedInMs: number;
  /** The control plane's process. */
  controlPlane(): Promise<number>;
  /** A ready pod of a Deployment. */
  pod(namespace: string, deployment: string): Promise<PodSummary>;
  /** The process of a container, the sidecar's Envoy by default. */
  process(namespace: string, deployment: string, container?: string): Promise<number>;
  /** Runs a Node program of bench/local-mesh in a pod of a Deployment and gives what it prints, as JSON. */
  runIn<T>(namespace: string, deployment: string, program: string, argument: unknown): Promise<T>;
  /** Writes a file of objects into the directory that the mesh follows, or replaces it. */
  write(file: string, objects: readonly KubernetesObject[]): void;
  close(): Promise<void>;
}

/** Starts a mesh with one file of objects; throws with the output of `heddle up` if not every pod gets ready. */
export async function startMesh(objects: readonly KubernetesObject[]): Promise<LocalMesh> {
  const directory = mkdtempSync(join(tmpdir(), "heddle-bench-"));
  const files = join(directory, "files");
  const write: LocalMesh["write"] = (file, items) =>
    writeFileSync(join(files, file), items.map((item) => dump(item)).join("---\n"));
  mkdirSync(files);
  write("mesh.yaml", objects);
  return startMeshFrom(files, directory, write);
}

/** Starts a mesh from the user's own files. */
export async function startMeshFrom(
  path: string,
  directory = mkdtempSync(join(tmpdir(), "heddle-bench-")),
  write: LocalMesh["write"] = () => {
    throw new Error(`${path} is not the benchmark's own`);
  },
): Promise<LocalMesh> {
  const stateRoot = join(directory, "state");
  const state = stateDirectory(stateRoot);
  const close = async (): Promise<void> => {
    await run(heddle, ["down", "--state", stateRoot]);
    rmSync(directory, { recursive: true, force: true });
  };
  const start = monotonicMs();
  try {
    await run(heddle, ["up", path, "--detach", "--state", stateRoot]);
  } catch (error) {
    await close();
    throw error;
  }
  const startedInMs = monotonicMs() - start;
  const pod: LocalMesh["pod"] = async (namespace, deployment) => {
    const pods = await askSocket<readonly PodSummary[]>(state.supervisorSocket, "/pods");
    const found = pods.find(
      (each) =>
        each.workload === `Deployment ${namespace}/${deployment}` && each.ready && each.status === "Running",
    );
    if (found === undefined) throw new Error(`no pod of ${namespace}/${deployment} is ready`);
    return found;
  };
  return {
    startedInMs,
    pod,
    controlPlane: async () => {
      const { controlPlane } = await askSocket<MeshSummary>(state.supervisorSocket, "/mesh");
      if (controlPlane.pid === undefined) throw new Error("the control plane does not run");
      return controlPlane.pid;
    },
    process: async (namespace, deployment, container = proxyContainer) => {
      const { containers } = await pod(namespace, deployment);
      const pid = containers.find((each: ContainerSummary) => each.name === container)?.pid;
      if (pid === undefined)
        throw new Error(`${namespace}/${deployment} has no running container ${container}`);
      return pid;
    },
    runIn: async <T>(
      namespace: string,
      deployment: string,
      program: string,
      argument: unknown,
    ): Promise<T> => {
      const { name } = await pod(namespace, deployment);
      const command = [process.execPath, join(import.meta.dirname, program), JSON.stringify(argument)];
      const { stdout } = await run(
        heddle,
        ["exec", "-n", namespace, name, "-c", "application", "--state", stateRoot, "--", ...command],
        { maxBuffer: largestOutput },
      );
      return JSON.parse(stdout) as T;
    },
    write,
    close,
  };
}

/** Waits until `condition` holds; throws after a minute, naming what was awaited. */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = monotonicMs() + 60_000;
  while (!(await condition())) {
    if (monotonicMs() > deadline) throw new Error(`waited a minute in vain for ${what}`);
    await sleep(100);
  }
}
