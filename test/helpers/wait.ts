// Waiting in tests: for a condition, never for a fixed time.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Resolves once `condition` holds; throws after `timeoutMs`, naming `what` was awaited. It looks every 10 ms; where a
 * look takes longer, as long as that lies between two, a second at most: the machine is left to what is awaited.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const began = performance.now();
    if (await condition()) return;
    const now = performance.now();
    if (now > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(Math.min(Math.max(10, now - began), 1_000));
  }
}
