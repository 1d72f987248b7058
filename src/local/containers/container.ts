import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, LifecycleHandler, Pod } from "#model/kubernetes/pod.ts";
import { runProbes } from "./container-probes.ts";
import type { ContainerState, ContainerView } from "./container-state.ts";
import type { Resolved } from "./environment.ts";
import { execCheck, type JoinSettings } from "./join.ts";
import { httpCheck } from "./probe.ts";
import { type ContainerProcess, startProcess } from "./process.ts";
import { nextBackOff, type Role, restartsAfter } from "./restart-policy.ts";
import { type Setup, setupScript } from "./setup-script.ts";

/** How often a container looks again for a ConfigMap or Secret that does not exist. */
const MISSING_RETRY_MS = 500;
const LIFECYCLE_TIMEOUT_MS = 60_000;

export interface ContainerOptions {
  readonly container: Container;
  readonly role: Role;
  readonly restartPolicy: Pod["spec"]["restartPolicy"];
  readonly podAddress: string;
  /** The network namespace of the pod. */
  readonly network: string;
  readonly log: string;
  /** Everything that the first process needs; asked for at each start, since what it refers to may have changed. */
  readonly setup: () => Resolved<Setup>;
  readonly onChange: () => void;
}

/** One container of a pod, with its restarts. */
export interface RunningContainer {
  readonly role: Role;
  readonly view: () => ContainerView;
  /** The exit code with which it ended for good. */
  readonly finished: Promise<number>;
  /** Resolves when it has started for the first time, by its startup probe if it has one. */
  readonly started: Promise<void>;
  /** What further commands inside it need; nothing while it does not run. */
  readonly join: () => { readonly pid: number; readonly settings: JoinSettings } | undefined;
  /** SIGTERM, after the preStop hook where one is wanted, and SIGKILL when the time is over. No process is left then. */
  stop(graceMs: number, hooks: "with hooks" | "without hooks"): Promise<void>;
}

/** Starts a container and keeps it as its policy says, until it ends for good or is stopped. */
export function startContainer(options: ContainerOptions): RunningContainer {
  const { container, role } = options;
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  let state: ContainerState = { kind: "waiting", reason: "ContainerCreating" };
  let restarts = 0;
  let flags = { started: false, ready: false };
  let current: { process: ContainerProcess; setup: Setup } | undefined;

  function change(next: ContainerState, nextFlags = { started: false, ready: false }): void {
    state = next;
    flags = nextFlags;
    if (flags.started) started.resolve();
    options.onChange();
  }

  async function runOnce(setup: Setup): Promise<number> {
    mkdirSync(setup.scratch, { recursive: true });
    const result = await startProcess({ ...options, script: setupScript(setup) });
    if (result.kind === "failed") {
      change({ kind: "waiting", reason: "RunContainerError", message: result.message });
      return FAILED_TO_START;
    }
    const { process } = result;
    current = { process, setup };
    if (stopping.signal.aborted) process.signal("SIGKILL");
    const ended = new AbortController();
    const running: ContainerState = {
      kind: "running",
      startedAt: new Date().toISOString(),
      pid: process.pid,
    };
    change(running, { started: container.startupProbe === undefined, ready: false });
    void runProbes(options, { pid: process.pid, settings: setup }, ended.signal, {
      onFlags: (next) => {
        if (next.started !== flags.started || next.ready !== flags.ready) change(running, next);
      },
      onKill: () => void terminate(process, GRACE_AFTER_LIVENESS_MS),
    });
    const code = await process.exited;
    ended.abort();
    current = undefined;
    change({ kind: "terminated", exitCode: code, reason: code === 0 ? "Completed" : "Error" });
    return code;
  }

  async function live(): Promise<number> {
    let backOffMs = 0;
    let code = 0;
    while (!stopping.signal.aborted) {
      const setup = options.setup();
      if (setup.kind === "missing") {
        change({ kind: "waiting", reason: "CreateContainerConfigError", message: setup.message });
        await pause(MISSING_RETRY_MS, stopping.signal);
        continue;
      }
      const begun = performance.now();
      code = await runOnce(setup.value);
      if (stopping.signal.aborted || !restartsAfter(code, role, options.restartPolicy)) break;
      backOffMs = nextBackOff(backOffMs, performance.now() - begun);
      // The reason why a container cannot start at all says more than that it waits.
      if (backOffMs > FIRST_BACK_OFF_SHOWN_MS && code !== FAILED_TO_START)
        change({ kind: "waiting", reason: "CrashLoopBackOff", message: `ended with ${code}` });
      await pause(backOffMs, stopping.signal);
      if (!stopping.signal.aborted) restarts++;
    }
    return code;
  }

  const finished = live();
  return {
    role,
    finished,
    started: started.promise,
    view: () => ({ name: container.name, state, restarts, ...flags, ready: readyOf(role, state, flags) }),
    join: () => current && { pid: current.process.pid, settings: current.setup },
    async stop(graceMs, hooks) {
      const running = current;
      stopping.abort();
      if (running !== undefined) {
        const before = performance.now();
        if (hooks === "with hooks") await beforeStop(container.lifecycle?.preStop, options, running, graceMs);
        await terminate(running.process, graceMs - (performance.now() - before));
      }
      await finished;
    },
  };
}

/** As container runtimes report a container that could not be started. */
const FAILED_TO_START = 128;
const FIRST_BACK_OFF_SHOWN_MS = 1_500;
const GRACE_AFTER_LIVENESS_MS = 5_000;

function readyOf(role: Role, state: ContainerState, flags: { ready: boolean }): boolean {
  if (role === "init") return state.kind === "terminated" && state.exitCode === 0;
  return flags.ready;
}

async function terminate(process: ContainerProcess, graceMs: number): Promise<void> {
  process.signal("SIGTERM");
  const timer = setTimeout(() => process.signal("SIGKILL"), Math.max(graceMs, 0));
  await process.exited;
  clearTimeout(timer);
}

async function beforeStop(
  hook: LifecycleHandler | undefined,
  options: ContainerOptions,
  running: { readonly process: ContainerProcess; readonly setup: Setup },
  graceMs: number,
): Promise<void> {
  if (hook === undefined) return;
  const over = new AbortController();
  const limitMs = Math.min(graceMs, LIFECYCLE_TIMEOUT_MS);
  await Promise.race([
    runHook(hook, options, running.process.pid, running.setup, limitMs, over.signal),
    running.process.exited,
    pause(limitMs, over.signal),
  ]);
  over.abort();
}

async function runHook(
  hook: LifecycleHandler,
  { container, podAddress }: ContainerOptions,
  pid: number,
  settings: JoinSettings,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (hook.exec !== undefined) await execCheck(pid, settings, hook.exec.command)(limitMs);
  if (hook.httpGet !== undefined) await httpCheck(hook.httpGet, container, podAddress)(limitMs);
  if (hook.sleep !== undefined) await pause(hook.sleep.seconds * 1000, signal);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {}); // Aborted: the caller looks at the signal.
}
