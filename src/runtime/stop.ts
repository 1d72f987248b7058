/** What ends a process in good order. */
export interface Stop {
  /** Adds a step, to be done before those that were added earlier. */
  before(step: () => Promise<void> | void): void;
}

/** Nothing takes longer than this to end; Kubernetes kills after 30 s. */
const patienceMs = 15_000;

/** At SIGTERM or SIGINT calls `first`, then the steps one after the other, the one that was added last first. */
export function whenTold(first: () => void): Stop {
  const steps: (() => Promise<void> | void)[] = [];
  let isStopping = false;
  const end = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    first();
    setTimeout(() => process.exit(1), patienceMs).unref();
    for (const step of steps.toReversed()) await step();
  };
  const stop = () => {
    end().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return { before: (step) => void steps.push(step) };
}
