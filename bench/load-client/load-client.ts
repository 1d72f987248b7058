// A load client for a control plane: many proxies that behave as Envoy does, in processes of their own, so that the
// server's CPU can be told apart.
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { ResourceName } from "#xds/provider.ts";
import { monotonicMs } from "../processes.ts";
import { sum } from "../statistics.ts";
import type { Target, WorkerCommand, WorkerEvent } from "./messages.ts";
import type { ProxyPlan } from "./proxy.ts";

/** What a first or a renewed connection of all proxies came to. */
export interface SyncReport {
  /** Until each proxy had everything that it asked for (ms). */
  readonly timesMs: readonly number[];
  /** Bytes of responses to each proxy. */
  readonly bytes: readonly number[];
}

export interface LoadClient {
  /** Connects all proxies and waits until each has what it asked for. */
  open(target: Target, plans: readonly ProxyPlan[]): Promise<SyncReport>;
  /** Ends all streams and opens new ones, with `initial_resource_versions`. */
  reconnect(): Promise<SyncReport>;
  /**
   * Makes a change and gives the times when each proxy had the new version (ms since `change` says that it began,
   * as monotonic time).
   */
  timesOfChange(resource: ResourceName, change: () => Promise<number>): Promise<readonly number[]>;
  /** Bytes of responses since the streams began. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/** Starts the worker processes. A stream that ends unexpectedly makes what is awaited fail. */
export async function startLoadClient(options: { readonly processes?: number } = {}): Promise<LoadClient> {
  const workers = await Promise.all(Array.from({ length: options.processes ?? 1 }, startWorker));
  const all = async <K extends WorkerEvent["kind"]>(
    commandOf: (index: number) => WorkerCommand,
    kind: K,
  ): Promise<Extract<WorkerEvent, { kind: K }>[]> =>
    Promise.all(workers.map((worker, index) => worker.ask(commandOf(index), kind)));
  const sync = async (commandOf: (index: number) => WorkerCommand): Promise<SyncReport> => {
    const start = monotonicMs();
    const events = await all(commandOf, "synced");
    return {
      timesMs: events.flatMap(({ times }) => times.map((time) => time - start)),
      bytes: events.flatMap(({ bytes }) => bytes),
    };
  };
  return {
    open: (target, plans) =>
      sync((index) => ({
        kind: "open",
        target,
        plans: plans.filter((_plan, number) => number % workers.length === index),
      })),
    reconnect: () => sync(() => ({ kind: "reconnect" })),
    timesOfChange: async (resource, change) => {
      await all(() => ({ kind: "watch", resource }), "watching");
      const arrived = Promise.all(workers.map((worker) => worker.next("arrived")));
      const start = await change();
      return (await arrived).flatMap(({ times }) => times.map((time) => time - start));
    },
    bytes: async () => {
      const counts = await all(() => ({ kind: "count" }), "counted");
      const errors = counts.flatMap((count) => count.errors);
      if (errors.length > 0) throw new Error(`${errors.length} streams ended, the first with: ${errors[0]}`);
      return sum(counts.map(({ bytes }) => bytes));
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

interface Worker {
  next<K extends WorkerEvent["kind"]>(kind: K): Promise<Extract<WorkerEvent, { kind: K }>>;
  ask<K extends WorkerEvent["kind"]>(
    command: WorkerCommand,
    kind: K,
  ): Promise<Extract<WorkerEvent, { kind: K }>>;
  close(): Promise<void>;
}

async function startWorker(): Promise<Worker> {
  const child = fork(join(import.meta.dirname, "worker.ts"));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const worker: Worker = {
    next: (kind) => nextEvent(child, kind),
    ask: (command, kind) => {
      const answer = nextEvent(child, kind);
      child.send(command);
      return answer;
    },
    close: async () => {
      child.send({ kind: "close" } satisfies WorkerCommand);
      await exited;
    },
  };
  await worker.next("ready");
  return worker;
}

function nextEvent<K extends WorkerEvent["kind"]>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<WorkerEvent, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (event: WorkerEvent): void => {
      if (event.kind === kind) {
        stop();
        resolve(event as Extract<WorkerEvent, { kind: K }>);
      } else if (event.kind === "failed") {
        stop();
        reject(new Error(`a worker of the load client failed: ${event.message}`));
      }
    };
    const onExit = (code: number | null): void => {
      stop();
      reject(new Error(`a worker of the load client ended with ${code}`));
    };
    const stop = (): void => {
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}
