import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const update = process.env.UPDATE_GOLDEN === "1";

/** One input file of a folder of golden tests. */
export interface GoldenCase {
  /** The file's name without the suffix. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
  /** Where the expected output with that suffix lies. */
  output(suffix: string): string;
}

/** Every `NAME<suffix>` of a folder, in order of name: adding a test is adding a file. */
export function goldenCases(directory: string, suffix = ".in.yaml"): readonly GoldenCase[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(suffix))
    .sort()
    .map((file) => {
      const name = file.slice(0, -suffix.length);
      const path = join(directory, file);
      return {
        name,
        path,
        text: readFileSync(path, "utf8"),
        output: (outputSuffix) => join(directory, name + outputSuffix),
      };
    });
}

/**
 * Fails unless the file holds exactly `actual`; for an empty text there must be none. With UPDATE_GOLDEN=1 the file is
 * rewritten instead.
 */
export function assertGolden(path: string, actual: string): void {
  const expected = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (expected === actual || (expected === undefined && actual === "")) return;
  if (update && actual === "") {
    rmSync(path);
    return;
  }
  if (update) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
    return;
  }
  assert.ok(expected !== undefined, `${path} is missing; write it with UPDATE_GOLDEN=1`);
  assert.equal(actual, expected, `${path} differs; if the change is meant, rewrite it with UPDATE_GOLDEN=1`);
}

/** Fails if the folder has outputs that no case makes any more. With UPDATE_GOLDEN=1 they are deleted instead. */
export function assertNoOrphans(directory: string, suffix: string, names: Iterable<string>): void {
  const known = new Set(names);
  const orphans = readdirSync(directory).filter(
    (file) => file.endsWith(suffix) && !known.has(file.slice(0, -suffix.length)),
  );
  if (update) {
    for (const orphan of orphans) rmSync(join(directory, orphan));
    return;
  }
  assert.deepEqual(
    orphans,
    [],
    `${directory} has outputs without an input; delete them with UPDATE_GOLDEN=1`,
  );
}
