// What a test process leaves in order, however it ends: but for kill -9.

const pending = new Set<() => void>();

function endAll(): void {
  for (const work of [...pending].toReversed()) work();
  pending.clear();
}

/** A process that is told to end would not say `exit` by itself. */
function endBySignal(): never {
  process.exit(1);
}

/**
 * Does some work when this process ends, also when it is interrupted; what was asked for last comes first. Returns what
 * calls it off.
 */
export function atEnd(work: () => void): () => void {
  if (pending.size === 0) {
    process.once("exit", endAll);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, endBySignal);
  }
  pending.add(work);
  return () => {
    pending.delete(work);
    if (pending.size > 0) return;
    process.removeListener("exit", endAll);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.removeListener(signal, endBySignal);
  };
}
