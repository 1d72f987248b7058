// What a control plane still waits for before proxies may come, and why: for /ready, the log, and people.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";

export interface Readiness {
  /** One sentence for each thing that is waited for; empty when there is none. */
  reasons(): readonly string[];
  /** Says why something is waited for, or with `undefined` that it is there. */
  set(what: string, reason: string | undefined): void;
  /** Tries until it succeeds, however long that takes: the world's failures end no process. */
  eventually<T>(what: string, attempt: () => Promise<T>): Promise<T>;
  /** Waits for something that tries by itself; `why` says what it lacks. */
  until(what: string, done: Promise<void>, why: () => readonly string[]): Promise<void>;
}

const firstRetryMs = 500;
const lastRetryMs = 10_000;
const lookAgainMs = 1_000;

/** Each of the things is waited for from now on. */
export function createReadiness(things: readonly string[], log: Pick<Logger, "warn">): Readiness {
  const waiting = new Map(things.map((what) => [what, `waiting for ${what}`]));
  const set: Readiness["set"] = (what, reason) => {
    if (reason === undefined) waiting.delete(what);
    else if (waiting.get(what) !== reason) {
      waiting.set(what, reason);
      log.warn({ reason }, "not ready");
    }
  };
  return {
    reasons: () => [...waiting.values()],
    set,
    async eventually(what, attempt) {
      for (let failures = 0; ; failures++) {
        try {
          const result = await attempt();
          set(what, undefined);
          return result;
        } catch (error) {
          set(what, `waiting for ${what}: ${error instanceof Error ? error.message : String(error)}`);
          await sleep(Math.min(firstRetryMs * 2 ** failures, lastRetryMs) * (0.75 + Math.random() / 2));
        }
      }
    },
    async until(what, done, why) {
      const timer = setInterval(() => set(what, `waiting for ${what}: ${why().join("; ")}`), lookAgainMs);
      await done.finally(() => clearInterval(timer));
      set(what, undefined);
    },
  };
}
