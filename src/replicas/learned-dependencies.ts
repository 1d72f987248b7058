// What each workload has used before, so that its next pod has it from the start.
import type { ResourceName } from "#xds/provider.ts";

/** When a workload last asked for a resource, ms since the epoch. */
export interface Use extends ResourceName {
  readonly lastUsed: number;
}

/** What workloads used: per `namespace/workload`. */
export type Uses = Readonly<Record<string, readonly Use[]>>;

export interface LearnedDependencies {
  /** What to send ahead, the latest used first. */
  namesFor(workload: string): readonly ResourceName[];
  used(workload: string, names: readonly ResourceName[]): void;
  /** Takes in what was learned elsewhere, or before. */
  learn(uses: Uses): void;
  /** All that is known and not forgotten, the latest used last. */
  uses(): Uses;
}

export interface LearnedDependenciesOptions {
  /** Names per workload; the least recently used go first. */
  readonly capacity?: number;
  /** Milliseconds after which an unused name is forgotten. */
  readonly maximumAgeMs?: number;
  readonly now?: () => number;
}

const day = 24 * 60 * 60 * 1000;

/** An empty record in memory: one small, capped, decaying list per workload. */
export function learnDependencies(options: LearnedDependenciesOptions = {}): LearnedDependencies {
  const { capacity = 200, maximumAgeMs = 7 * day, now = Date.now } = options;
  // The names of each workload in order of use.
  const workloads = new Map<string, Map<string, Use>>();
  const isFresh = ({ lastUsed }: Use): boolean => now() - lastUsed < maximumAgeMs;
  const enter = (workload: string, uses: readonly Use[]): void => {
    const known = workloads.get(workload) ?? new Map<string, Use>();
    for (const use of uses) {
      const key = `${use.typeUrl} ${use.name}`;
      known.delete(key);
      known.set(key, use);
    }
    for (const oldest of known.keys()) {
      if (known.size <= capacity) break;
      known.delete(oldest);
    }
    if (known.size > 0) workloads.set(workload, known);
  };
  return {
    namesFor: (workload) =>
      [...(workloads.get(workload)?.values() ?? [])]
        .filter(isFresh)
        .sort((a, b) => b.lastUsed - a.lastUsed)
        .map(({ typeUrl, name }) => ({ typeUrl, name })),
    used: (workload, names) =>
      enter(
        workload,
        names.map(({ typeUrl, name }) => ({ typeUrl, name, lastUsed: now() })),
      ),
    learn(uses) {
      for (const [workload, learned] of Object.entries(uses)) {
        const both = [...learned, ...(workloads.get(workload)?.values() ?? [])].filter(isFresh);
        enter(
          workload,
          both.sort((a, b) => a.lastUsed - b.lastUsed),
        );
      }
    },
    uses() {
      const known = [...workloads].map(([name, uses]) => [name, [...uses.values()].filter(isFresh)] as const);
      return Object.fromEntries(known.filter(([, uses]) => uses.length > 0));
    },
  };
}
