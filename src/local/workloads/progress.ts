import { isReady } from "#model/kubernetes/pod.ts";
import type { Problem } from "#model/reference.ts";
import type { ContainerOfPod } from "../pods/pod-status.ts";
import type { FleetPod } from "./fleet.ts";
import type { Workload } from "./workload.ts";

/** How far a workload has come. */
export interface Progress {
  readonly workload: string;
  readonly wanted: number;
  readonly ready: number;
  /** Why it will not get there without a change by the user. */
  readonly failed?: string;
}

/** After so many restarts without becoming ready nobody waits any longer. */
const HOPELESS_RESTARTS = 3;

/** Counts, for each workload, the pods of its current form that are ready, or have done their work. */
export function progressOf(workloads: readonly Workload[], pods: readonly FleetPod[]): readonly Progress[] {
  const byWorkload = Map.groupBy(pods, ({ workload }) => workload.key);
  return workloads.map((workload) => {
    const own = (byWorkload.get(workload.key) ?? []).filter(({ revision }) => revision === workload.revision);
    const ready = own.filter(({ running }) => isServing(running.object())).length;
    const failed =
      ready >= workload.replicas ? undefined : own.map(failureOf).find((text) => text !== undefined);
    return {
      workload: workload.key,
      wanted: workload.replicas,
      ready: Math.min(ready, workload.replicas),
      ...(failed === undefined ? {} : { failed }),
    };
  });
}

function isServing(pod: ReturnType<FleetPod["running"]["object"]>): boolean {
  return isReady(pod) || pod.status?.phase === "Succeeded";
}

function failureOf(pod: FleetPod): string | undefined {
  return pod.running
    .containers()
    .map(containerFailure)
    .find((failure) => failure !== undefined)?.message;
}

interface ContainerFailure {
  readonly message: string;
  /** The field of the container that is to blame, if one is known. */
  readonly field?: string;
}

function containerFailure(container: ContainerOfPod): ContainerFailure | undefined {
  const { name, state, restarts } = container;
  if (state.kind === "waiting" && state.reason === "RunContainerError")
    return { message: `container ${name}: ${state.message}`, field: "command" };
  if (state.kind === "waiting" && state.message !== undefined && state.reason !== "CrashLoopBackOff")
    return { message: `container ${name} waits: ${state.message}` };
  if (restarts >= HOPELESS_RESTARTS && !container.ready)
    return { message: `container ${name} ended ${restarts} times; heddle logs shows what it printed` };
  return undefined;
}

/** What runs badly, told about the objects that users wrote. */
export function podProblems(pods: readonly FleetPod[]): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const { workload, running } of pods) {
    for (const container of running.containers()) {
      const failure = containerFailure(container);
      if (failure === undefined) continue;
      const field = containerField(workload, container.name, failure.field);
      const problem: Problem = {
        severity: "error",
        message: failure.message,
        object: workload.origin,
        ...(field === undefined ? {} : { field }),
      };
      problems.set(JSON.stringify([workload.key, field, failure.message]), problem);
    }
  }
  return [...problems.values()];
}

/** Where the user wrote the container; nothing for one that was added. */
function containerField(workload: Workload, name: string, field: string | undefined): string | undefined {
  const spec = workload.kind === "Pod" ? "spec" : "spec.template.spec";
  for (const list of ["containers", "initContainers"] as const) {
    const index = workload.written[list]?.findIndex((container) => container.name === name) ?? -1;
    const container = workload.written[list]?.[index];
    if (container === undefined) continue;
    const base = `${spec}.${list}[${index}]`;
    return field === "command" && container.command !== undefined ? `${base}.command[0]` : base;
  }
  return undefined;
}
