// What each workload has used before, so that its next pod has it from the start.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ResourceName } from "#xds/provider.ts";

/** One workload's record: when each resource was last asked for, ms since the epoch. */
interface Use extends ResourceName {
  readonly lastUsed: number;
}

/** Per `namespace/workload`. */
export interface LearnedDependencies {
  /** What to send ahead, the latest used first. */
  namesFor(workload: string): readonly ResourceName[];
  used(workload: string, names: readonly ResourceName[]): void;
  /** Writes what has changed, at once. */
  flush(): void;
  close(): void;
}

export interface LearnedDependenciesOptions {
  /** A JSON file; a broken one is started anew, for it holds nothing that is not learned again. */
  readonly file: string;
  /** Names per workload; the least recently used go first. */
  readonly capacity?: number;
  /** Milliseconds after which an unused name is forgotten. */
  readonly maximumAgeMs?: number;
  /** Milliseconds between two writes. */
  readonly writeIntervalMs?: number;
  readonly now?: () => number;
}

const day = 24 * 60 * 60 * 1000;

export function openLearnedDependencies(options: LearnedDependenciesOptions): LearnedDependencies {
  const { file, capacity = 200, maximumAgeMs = 7 * day, writeIntervalMs = 5_000, now = Date.now } = options;
  const workloads = new Map<string, Map<string, Use>>(read(file));
  let changed = false;
  const flush = () => {
    if (!changed) return;
    changed = false;
    const records = [...workloads].map(([workload, uses]) => [workload, [...uses.values()]]);
    writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(records)), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const timer = setInterval(flush, writeIntervalMs);
  timer.unref();
  return {
    namesFor: (workload) =>
      [...(workloads.get(workload)?.values() ?? [])]
        .filter((use) => now() - use.lastUsed < maximumAgeMs)
        .sort((a, b) => b.lastUsed - a.lastUsed)
        .map(({ typeUrl, name }) => ({ typeUrl, name })),
    used(workload, names) {
      const uses = workloads.get(workload) ?? new Map<string, Use>();
      workloads.set(workload, uses);
      for (const { typeUrl, name } of names) {
        const key = `${typeUrl} ${name}`;
        // Deleted first, so that the map stays in order of use.
        uses.delete(key);
        uses.set(key, { typeUrl, name, lastUsed: now() });
      }
      for (const oldest of uses.keys()) {
        if (uses.size <= capacity) break;
        uses.delete(oldest);
      }
      changed = true;
    },
    flush,
    close() {
      clearInterval(timer);
      flush();
    },
  };
}

function read(file: string): readonly (readonly [string, Map<string, Use>])[] {
  try {
    const records = JSON.parse(readFileSync(file, "utf8")) as Record<string, readonly Use[]>;
    return Object.entries(records).map(([workload, uses]) => [
      workload,
      new Map(
        [...uses]
          .sort((a, b) => a.lastUsed - b.lastUsed)
          .map((use) => [`${use.typeUrl} ${use.name}`, use] as const),
      ),
    ]);
  } catch {
    return [];
  }
}
