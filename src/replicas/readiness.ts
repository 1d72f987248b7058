// What a control plane still waits for before proxies may come, and why: for /ready, the log, and people.
import { setTimeout as sleep } from "node:timers/promises";

export interface Readiness {
  /** One sentence for each thing that is waited for; empty when there is none. */
  reasons(): readonly string[];
  /** Sets or clears what is waited for. */
  set(what: string, reason: string | undefined): void;
  /** Tries until it succeeds, however long that takes: the world's failures end no process. */
  eventually<T>(what: string, attempt: () => Promise<T>): Promise<T>;
}

const firstRetryMs = 500;
const lastRetryMs = 10_000;

/** `onWaiting` is told when a reason is new or another than before. */
export function createReadiness(
  things: readonly string[],
  onWaiting: (what: string, reason: string) => void,
): Readiness {
  const waiting = new Map(things.map((what) => [what, `waiting for ${what}`]));
  const set: Readiness["set"] = (what, reason) => {
    if (reason === undefined) waiting.delete(what);
    else if (waiting.get(what) !== reason) {
      waiting.set(what, reason);
      onWaiting(what, reason);
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
  };
}
