import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ProgramError, runProgram } from "./run-program.ts";

/** What flock ends with when somebody else has the lock. */
const TAKEN = 75;
const RETRY_MS = 50;

/**
 * Takes the lock of a state directory and gives a descriptor that holds it. Every process that inherits it holds it
 * too, and the kernel lets it go with the last of them, however they end. Nothing if another mesh has it for `waitMs`.
 */
export async function takeLock(file: string, waitMs = 0): Promise<number | undefined> {
  const descriptor = openSync(file, "w", 0o600);
  const deadline = performance.now() + waitMs;
  for (;;) {
    try {
      await runProgram("flock", ["--nonblock", "--conflict-exit-code", String(TAKEN), "3"], {
        stdio: ["ignore", "ignore", "pipe", descriptor],
      });
      return descriptor;
    } catch (error) {
      if (!(error instanceof ProgramError) || error.code !== TAKEN) throw error;
    }
    if (performance.now() >= deadline) {
      closeSync(descriptor);
      return undefined;
    }
    await sleep(RETRY_MS);
  }
}
