// Commands inside pods of a mesh by processes that stay there.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Order, Outcome } from "#test/local/apps/runner.ts";

/** What runs a command in one container. */
interface Runner {
  run(command: readonly string[]): Promise<Outcome>;
  readonly ended: boolean;
  stop(): void;
}

export interface PodRunners {
  /** Runs a command where `arguments` of `heddle exec` say, e.g. `["-n", "shop", "deploy/web"]`. */
  run(where: readonly string[], command: readonly string[]): Promise<Outcome>;
  /** Ends those that stay. */
  stop(): void;
}

/** `start`: the beginning of the command line of `heddle exec` for a mesh. */
export function podRunners(start: readonly string[]): PodRunners {
  const runners = new Map<string, Runner>();
  return {
    run: (where, command) => {
      const key = where.join(" ");
      const known = runners.get(key);
      const runner = known === undefined || known.ended ? startRunner([...start, ...where]) : known;
      runners.set(key, runner);
      return runner.run(command);
    },
    stop: () => {
      for (const runner of runners.values()) runner.stop();
    },
  };
}

function startRunner([program = "", ...args]: readonly string[]): Runner {
  const runner = ["node", join(import.meta.dirname, "..", "local", "apps", "runner.ts")];
  const child: ChildProcess = spawn(program, [...args, "--", ...runner], { stdio: ["pipe", "pipe", "pipe"] });
  const waiting = new Map<number, (outcome: Outcome) => void>();
  let said = "";
  let ended = false;
  let last = 0;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stdin?.on("error", () => {});
  child.on("close", (code) => {
    ended = true;
    for (const [id, resolve] of waiting) resolve({ id, code: code ?? 1, stdout: "", stderr: said });
    waiting.clear();
  });
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on("line", (line) => {
      const outcome = JSON.parse(line) as Outcome;
      waiting.get(outcome.id)?.(outcome);
      waiting.delete(outcome.id);
    });
  return {
    run: (command) =>
      new Promise((resolve) => {
        const order: Order = { id: ++last, command };
        waiting.set(order.id, resolve);
        child.stdin?.write(`${JSON.stringify(order)}\n`);
      }),
    get ended() {
      return ended;
    },
    stop: () => child.stdin?.end(),
  };
}
