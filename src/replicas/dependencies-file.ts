import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { LearnedDependencies, Uses } from "./learned-dependencies.ts";

const writeIntervalMs = 5_000;

/**
 * Keeps what is learned in a JSON file, for the next start: reads it now, and writes what has changed now and then, and
 * when it is closed. A broken file is started anew, for it holds nothing that is not learned again.
 */
export function keepDependenciesInFile(learned: LearnedDependencies, file: string): { close(): void } {
  learned.learn(read(file));
  let written = JSON.stringify(learned.uses());
  const write = (): void => {
    const text = JSON.stringify(learned.uses());
    if (text === written) return;
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    written = text;
  };
  const timer = setInterval(write, writeIntervalMs);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      write();
    },
  };
}

function read(file: string): Uses {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Uses;
  } catch {
    return {};
  }
}
