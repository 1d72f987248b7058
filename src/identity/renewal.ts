import type { IssuedCertificate } from "./authority.ts";

/** Time as renewal sees it, so that a test can pass a day in a moment. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once; returns how to cancel. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export interface Renewal {
  readonly issue: () => Promise<IssuedCertificate>;
  /** Gets the first certificate and each that replaces it. */
  readonly use: (certificate: IssuedCertificate) => void;
  /** Told of each failed attempt; the next one follows by itself. */
  readonly onFailure: (error: unknown) => void;
  readonly clock?: Clock;
  /** From 0 to 1; spreads renewals of certificates that were issued together. */
  readonly random?: () => number;
}

const firstRetryMs = 500;
const lastRetryMs = 30_000;

/** Timers stand still while a machine sleeps, so the calendar is looked at this often. */
const longestWaitMs = 10 * 60 * 1000;

/** Keeps one certificate fresh: issues at once, again at half of its life (up to a tenth of that earlier), until stopped. */
export function keepRenewed(renewal: Renewal): () => void {
  const clock = renewal.clock ?? systemClock;
  const random = renewal.random ?? Math.random;
  let stopped = false;
  let cancel: (() => void) | undefined;

  const issueAt = (due: number, failures: number): void => {
    const wait = Math.max(0, due - clock.now());
    cancel = clock.after(Math.min(wait, longestWaitMs), () => {
      if (clock.now() < due) issueAt(due, failures);
      else void issueNow(failures);
    });
  };

  const issueNow = async (failures: number): Promise<void> => {
    const began = clock.now();
    try {
      const certificate = await renewal.issue();
      if (stopped) return;
      renewal.use(certificate);
      const halfLife = (certificate.notAfter.getTime() - began) / 2;
      issueAt(began + halfLife * (1 - random() / 10), 0);
    } catch (error) {
      if (stopped) return;
      renewal.onFailure(error);
      issueAt(clock.now() + Math.min(firstRetryMs * 2 ** failures, lastRetryMs), failures + 1);
    }
  };

  void issueNow(0);
  return () => {
    stopped = true;
    cancel?.();
  };
}
