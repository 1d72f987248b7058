import type { PodStatus } from "#model/kubernetes/pod.ts";
import { type ContainerView, containerStatus } from "../containers/container-state.ts";
import type { Role } from "../containers/restart-policy.ts";

/** A container of a pod with what it is there for. */
export interface ContainerOfPod extends ContainerView {
  readonly role: Role;
}

export type Phase = NonNullable<PodStatus["phase"]>;

/** The status of a pod from that of its containers. `containers` has those not yet started too, in order. Pure. */
export function podStatus(address: string, containers: readonly ContainerOfPod[]): PodStatus {
  const inits = containers.filter(({ role }) => role !== "application");
  const applications = containers.filter(({ role }) => role === "application");
  const initialized = inits.every((container) =>
    container.role === "init" ? container.ready : container.started,
  );
  const ready = isServing(containers);
  return {
    phase: podPhase(applications),
    podIP: address,
    conditions: [
      condition("Initialized", initialized),
      condition("ContainersReady", ready),
      condition("Ready", ready),
    ],
    initContainerStatuses: inits.map(containerStatus),
    containerStatuses: applications.map(containerStatus),
  };
}

function isServing(containers: readonly ContainerOfPod[]): boolean {
  return containers.every(({ role, ready }) => role === "init" || ready);
}

function podPhase(applications: readonly ContainerView[]): Phase {
  const ended = applications.every(({ state }) => state.kind === "terminated");
  if (ended) {
    const failed = applications.some(({ state }) => state.kind === "terminated" && state.exitCode !== 0);
    return failed ? "Failed" : "Succeeded";
  }
  const begun = applications.some(({ state, restarts }) => state.kind !== "waiting" || restarts > 0);
  return begun ? "Running" : "Pending";
}

function condition(
  type: string,
  holds: boolean,
): { readonly type: string; readonly status: "True" | "False" } {
  return { type, status: holds ? "True" : "False" };
}

/** One word for people, as `kubectl get pods` has it in its column STATUS. */
export function statusWord(containers: readonly ContainerOfPod[], terminating: boolean): string {
  if (terminating) return "Terminating";
  const waiting = containers.find(
    ({ state }) =>
      state.kind === "waiting" && !["PodInitializing", "ContainerCreating"].includes(state.reason),
  );
  if (waiting?.state.kind === "waiting") return waiting.state.reason;
  const applications = containers.filter(({ role }) => role === "application");
  const phase = podPhase(applications);
  if (phase === "Succeeded") return "Completed";
  if (phase === "Failed") return "Error";
  const inits = containers.filter(({ role }) => role !== "application");
  const done = inits.filter((container) => (container.role === "init" ? container.ready : container.started));
  if (done.length < inits.length) return `Init:${done.length}/${inits.length}`;
  return phase;
}
