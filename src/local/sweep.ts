import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { namespaceFile, nodeNamespace } from "./network/node-namespace.ts";
import { runProgram } from "./run-program.ts";
import { clearRun, type StateDirectory } from "./state-directory.ts";

const NAMESPACES = "/run/netns";
const PATIENCE_MS = 5_000;

/**
 * Removes what a mesh has left, whether it ended in order or was killed: its network namespaces, every process in
 * them, mounts below its directory, and the files of the run. Touches nothing else; doing it twice does no harm.
 */
export async function sweep(state: StateDirectory): Promise<void> {
  const names = namespacesOf(state.id);
  await killProcessesIn(names);
  for (const name of names) await runProgram("ip", ["netns", "del", name]).catch(() => {}); // Gone already.
  for (const mount of mountsBelow(state.root)) await runProgram("umount", ["-l", mount]).catch(() => {});
  clearRun(state);
}

/** Whether anything of the mesh is there: running, or left by a crash. */
export function hasLeftovers(state: StateDirectory): boolean {
  return namespacesOf(state.id).length > 0;
}

function namespacesOf(id: string): readonly string[] {
  const own = new RegExp(`^${nodeNamespace(id)}(-p\\d+)?$`);
  return entries(NAMESPACES).filter((name) => own.test(name));
}

/** All that a mesh starts stays in its namespaces, so they tell its processes without any list. */
async function killProcessesIn(names: readonly string[]): Promise<void> {
  const namespaces = new Set(
    names.map((name) => namespaceId(namespaceFile(name))).filter((id) => id !== undefined),
  );
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const processes = entries("/proc").filter(
      (entry) =>
        /^\d+$/.test(entry) && Number(entry) !== process.pid && namespaces.has(networkOf(entry) ?? ""),
    );
    if (processes.length === 0 || performance.now() > deadline) return;
    for (const entry of processes) kill(Number(entry));
    await sleep(20);
  }
}

function namespaceId(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? undefined : `net:[${found.ino}]`;
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // It has ended.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Inner mounts first. */
function mountsBelow(root: string): readonly string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[1] ?? "").replaceAll("\\040", " "))
    .filter((path) => path.startsWith(`${root}/`))
    .toReversed();
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
