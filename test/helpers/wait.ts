// Waiting in tests: for a condition, never for a fixed time.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Resolves once `condition` holds, looking every 10 ms; throws after `timeoutMs`, naming `what` was awaited. That is for
 * what never comes: no machine is so slow.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(10);
  }
}
