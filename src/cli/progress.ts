import { setTimeout as sleep } from "node:timers/promises";
import type { MeshSummary, PodSummary } from "#local/api.ts";
import { askSocket } from "#local/socket-client.ts";
import type { StateDirectory } from "#local/state-directory.ts";
import type { Problem } from "#model/reference.ts";
import { hasProxy } from "./supervisor-client.ts";

const POLL_MS = 100;
/** Then it is said what is missing, rather than waited for any longer. */
const PATIENCE_MS = 120_000;
const PROBLEMS_POLL_MS = 500;
/** A failure may pass, such as that of a pod which is being replaced. */
const FAILURE_PATIENCE_MS = 3_000;

export type Outcome =
  | { readonly kind: "ready" }
  /** Some pods will not be ready; the rest is. */
  | { readonly kind: "incomplete" }
  /** The mesh was stopped meanwhile. */
  | { readonly kind: "ended" };

/** Tells problems as they come, each once, until the signal: for a mesh that runs where nobody looks at a table. */
export async function followProblems(state: StateDirectory, signal: AbortSignal): Promise<void> {
  const told = await currentProblems(state);
  while (!signal.aborted) {
    await tellProblems(state, told);
    await sleep(PROBLEMS_POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Tells on the terminal how a mesh comes up, and what is wrong with it, until it is ready or cannot be. */
export async function showProgress(state: StateDirectory, signal: AbortSignal): Promise<Outcome> {
  const begun = performance.now();
  const told = new Set<string>();
  let stuckSince: number | undefined;
  let last = "";
  while (!signal.aborted) {
    const mesh = await ask<MeshSummary>(state, "/mesh");
    if (mesh !== undefined) {
      const text = countText(mesh);
      if (text !== last) drawCount(text);
      last = text;
      const open = mesh.workloads.filter(({ ready, wanted }) => ready < wanted);
      const stuck = open.length > 0 && open.every(({ failed }) => failed !== undefined);
      stuckSince = stuck ? (stuckSince ?? performance.now()) : undefined;
      const waited = performance.now() - begun;
      const givenUp =
        waited > PATIENCE_MS ||
        (stuckSince !== undefined && performance.now() - stuckSince > FAILURE_PATIENCE_MS);
      await tellProblems(state, told);
      if (open.length === 0 || givenUp) {
        endCount();
        await tellPods(state, mesh, waited);
        await tellProblems(state, told);
        return { kind: open.length === 0 ? "ready" : "incomplete" };
      }
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
  endCount();
  return { kind: "ended" };
}

function ask<T>(state: StateDirectory, path: string): Promise<T | undefined> {
  return askSocket<T>(state.supervisorSocket, path, { timeoutMs: 5_000 }).catch(() => undefined); // It is ending.
}

function countText({ workloads }: MeshSummary): string {
  const wanted = workloads.reduce((sum, workload) => sum + workload.wanted, 0);
  const ready = workloads.reduce((sum, workload) => sum + workload.ready, 0);
  return `${ready} of ${wanted} pods ready`;
}

function drawCount(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function endCount(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

async function tellPods(state: StateDirectory, mesh: MeshSummary, waitedMs: number): Promise<void> {
  const pods = (await ask<readonly PodSummary[]>(state, "/pods")) ?? [];
  console.log(`${countText(mesh)} after ${(waitedMs / 1000).toFixed(1)} s`);
  if (process.stdout.isTTY) {
    const { printTable } = await import("./table.ts");
    const rows = pods.map((pod) => [pod.namespace, pod.name, pod.readyContainers, pod.status, pod.ip]);
    console.log(printTable(rows, ["NAMESPACE", "NAME", "READY", "STATUS", "IP"]));
  }
  for (const { gateway, port } of mesh.gateways)
    console.log(`${gateway.kind} ${gateway.namespace}/${gateway.name}: localhost:${port}`);
  if (pods.length > 0 && !pods.some(hasProxy))
    console.error("no pod is in the mesh: give its namespace the label heddle.dev/inject: enabled");
}

async function currentProblems(state: StateDirectory): Promise<Set<string>> {
  const problems = (await ask<readonly Problem[]>(state, "/problems")) ?? [];
  const { formatProblem } = await import("#sources/directory/collect-problems.ts");
  return new Set(problems.map(formatProblem));
}

/** Each problem is told once. */
async function tellProblems(state: StateDirectory, told: Set<string>): Promise<void> {
  for (const line of await currentProblems(state)) {
    if (told.has(line)) continue;
    told.add(line);
    endCount();
    console.error(line);
  }
}
