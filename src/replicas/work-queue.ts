// Work by key that may fail and is tried again: at most once at a time per key, never faster than the API server likes.
import { setTimeout as sleep } from "node:timers/promises";

export interface WorkQueue {
  /** Asks for the key's work to be done soon; however often it is asked, it is done once. */
  add(key: string): void;
}

export interface WorkQueueOptions {
  /** Looks at how things are when it is called; rejects when it has to be called again. */
  readonly work: (key: string) => Promise<void>;
  /** Told when a key fails otherwise than it did the last time. */
  readonly onFailure: (key: string, error: unknown) => void;
  /** Nothing is begun after it has aborted. */
  readonly signal: AbortSignal;
  /** Keys begun per second, when many come at once. Default: 20. */
  readonly perSecond?: number;
  readonly clock?: QueueClock;
}

/** Time as a queue sees it, so that a test need not wait. */
export interface QueueClock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Resolves after so many milliseconds, and rejects when the signal aborts. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}

const systemClock: QueueClock = {
  now: () => performance.now(),
  sleep: (durationMs, signal) => sleep(durationMs, undefined, { signal, ref: false }),
};

const firstRetryMs = 500;
const lastRetryMs = 60_000;
/** Keys whose work is under way at the same time. */
const concurrency = 4;

interface Failures {
  count: number;
  message: string;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { work, onFailure, signal, perSecond = 20, clock = systemClock } = options;
  const waiting = new Set<string>();
  const running = new Set<string>();
  const failures = new Map<string, Failures>();
  let nextAt = Number.NEGATIVE_INFINITY;

  const failed = (key: string, error: unknown): void => {
    const message = String(error);
    const before = failures.get(key);
    if (before?.message !== message) onFailure(key, error);
    const count = (before?.count ?? 0) + 1;
    failures.set(key, { count, message });
    const pauseMs = Math.min(firstRetryMs * 2 ** (count - 1), lastRetryMs) * (0.75 + Math.random() / 2);
    void clock.sleep(pauseMs, signal).then(
      () => add(key),
      () => {},
    );
  };
  const run = async (key: string): Promise<void> => {
    // A burst of a second is let through, then one at a time.
    nextAt = Math.max(nextAt, clock.now() - 1_000) + 1_000 / perSecond;
    const pauseMs = nextAt - clock.now();
    if (pauseMs > 0) await clock.sleep(pauseMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      await work(key);
      failures.delete(key);
    } catch (error) {
      if (!signal.aborted) failed(key, error);
    }
  };
  const next = (): void => {
    for (const key of waiting) {
      if (running.size >= concurrency || signal.aborted) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.add(key);
      void run(key).finally(() => {
        running.delete(key);
        next();
      });
    }
  };
  const add = (key: string): void => {
    waiting.add(key);
    next();
  };
  return { add };
}
