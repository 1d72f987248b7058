import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./at-end.ts";

/** A directory for a test, which only root may read. */
export interface Scratch {
  readonly path: string;
  /** Removes it with all that is in it; the end of the process does so otherwise. */
  remove(): void;
}

/** Makes a directory in the place for such. */
export function makeScratch(name: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `heddle-${name}-`));
  const empty = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  const callOff = atEnd(empty);
  return {
    path,
    remove: () => {
      callOff();
      empty();
    },
  };
}
