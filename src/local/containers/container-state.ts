import type { ContainerStatus } from "#model/kubernetes/pod.ts";

/** What a container does at this moment. */
export type ContainerState =
  | { readonly kind: "waiting"; readonly reason: string; readonly message?: string }
  | { readonly kind: "running"; readonly startedAt: string; readonly pid: number }
  | { readonly kind: "terminated"; readonly exitCode: number; readonly reason: string };

export interface ContainerView {
  readonly name: string;
  readonly state: ContainerState;
  readonly restarts: number;
  /** The startup probe succeeded, or there is none and the process runs. */
  readonly started: boolean;
  readonly ready: boolean;
}

/** A container as it stands in the status of its pod. */
export function containerStatus(view: ContainerView): ContainerStatus {
  const { name, ready, started, restarts, state } = view;
  return { name, ready, started, restartCount: restarts, state: stateOf(state) };
}

function stateOf(state: ContainerState): NonNullable<ContainerStatus["state"]> {
  if (state.kind === "running") return { running: { startedAt: state.startedAt } };
  if (state.kind === "terminated") return { terminated: { exitCode: state.exitCode, reason: state.reason } };
  const { reason, message } = state;
  return { waiting: message === undefined ? { reason } : { reason, message } };
}
