import { setTimeout as sleep } from "node:timers/promises";
import type { Probe } from "#model/kubernetes/pod.ts";
import type { Check } from "./probe.ts";

export type Outcome = { readonly kind: "success" } | { readonly kind: "failure"; readonly message: string };

/** The shortest and the longest pause between attempts before the first success. */
const EAGER_MS = { first: 50, last: 500 };

/**
 * Runs a probe until the signal, and tells each time that its thresholds make it succeed or fail.
 * Before the first success an `eager` probe is tried more often than its period says, so that a pod is ready when it
 * can be; such attempts do not count as failures.
 */
export async function watchProbe(
  probe: Probe,
  check: Check,
  options: { readonly eager: boolean; readonly signal: AbortSignal },
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const { signal } = options;
  let successes = 0;
  let failures = 0;
  let succeeded = !options.eager;
  let countedAt = Number.NEGATIVE_INFINITY;
  let pauseMs = EAGER_MS.first;
  await pause((probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const failure = await check(timeoutMs);
    if (signal.aborted) return;
    if (failure === undefined) {
      successes++;
      failures = 0;
      succeeded = true;
      if (successes >= (probe.successThreshold ?? 1)) onOutcome({ kind: "success" });
    } else {
      successes = 0;
      if (succeeded || performance.now() - countedAt >= periodMs) {
        failures++;
        countedAt = performance.now();
        if (failures >= (probe.failureThreshold ?? 3)) onOutcome({ kind: "failure", message: failure });
      }
    }
    await pause(succeeded ? periodMs : Math.min(pauseMs, periodMs), signal);
    pauseMs = Math.min(pauseMs * 1.5, EAGER_MS.last);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {}); // Aborted: the caller looks at the signal.
}
