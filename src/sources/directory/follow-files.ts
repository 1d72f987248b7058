import { existsSync } from "node:fs";
import { sep } from "node:path";
import type { Problem } from "#model/reference.ts";
import { isImageFile, parseImageFile } from "./image-file.ts";
import type { ObjectRegistry } from "./object-registry.ts";
import { type ParsedFile, parseFile } from "./parse-file.ts";
import { type FileChange, watchFiles, withoutEnd } from "./watch-files.ts";

/** How long a file must stay as it is before objects are withdrawn or errors believed: editors write in steps, in ms. */
const unfinishedMs = 40;

/** Keeps the registry as the file system has it; returns how to stop. */
export function followFiles(registry: ObjectRegistry, paths: readonly string[]): () => void {
  const unfinished = new Map<string, NodeJS.Timeout>();
  const lost = lostDirectories(paths);
  const take = ([path, text]: FileChange, certain: boolean): void => {
    const waiting = unfinished.get(path);
    clearTimeout(waiting);
    unfinished.delete(path);
    const previous = registry.files.get(path);
    if (text !== undefined && text === previous?.text) return;
    const parse = isImageFile(path) ? parseImageFile : parseFile;
    const parsed = text === undefined ? undefined : parse(path, text, previous);
    const isFinished = certain || (waiting === undefined && !looksUnfinished(parsed, previous));
    if (isFinished) registry.put(path, parsed);
    else {
      const takeIt = () => {
        take([path, text], true);
        reportEmptyPaths(registry, paths);
      };
      unfinished.set(path, setTimeout(takeIt, unfinishedMs));
    }
  };
  const watched = watchFiles({
    paths,
    accepts: (name) => /\.(?:ya?ml|json)$/u.test(name),
    changed: (changes) => {
      for (const change of lost.decided(changes)) take(change, false);
      reportEmptyPaths(registry, paths);
    },
    unwatchable: (directory, reason) => {
      const message = `changes in this directory take effect late: ${reason}`;
      registry.put(directory + sep, problemAlone(directory, "warning", message));
    },
  });
  for (const change of watched.initial) take(change, true);
  reportEmptyPaths(registry, paths);
  return () => {
    watched.close();
    for (const timer of unfinished.values()) clearTimeout(timer);
  };
}

/**
 * A directory that was given and is gone is no order to withdraw all that it held: it may be moved, or not mounted. Its
 * files stay as they were until it is back, and then go if they are not in it.
 */
function lostDirectories(paths: readonly string[]) {
  const roots = paths.map(withoutEnd);
  const kept = new Set<string>();
  const isLost = (file: string) => roots.some((root) => file.startsWith(root + sep) && !existsSync(root));
  return {
    /** Those of the changes that count, and those of before that do by now. */
    decided(changes: readonly FileChange[]): readonly FileChange[] {
      const now = changes.filter(([file, text]) => {
        if (text !== undefined || !isLost(file)) return true;
        kept.add(file);
        return false;
      });
      const gone = [...kept].filter((file) => !isLost(file));
      for (const file of gone) kept.delete(file);
      return [...gone.filter((file) => !existsSync(file)).map((file) => [file, undefined] as const), ...now];
    },
  };
}

/** Whether a change may be one half of an edit: it takes objects away or is wrong. */
function looksUnfinished(parsed: ParsedFile | undefined, previous: ParsedFile | undefined): boolean {
  if (parsed === undefined) return previous !== undefined;
  if (parsed.problems.length > (previous?.problems.length ?? 0)) return true;
  return previous !== undefined && [...previous.objects.keys()].some((id) => !parsed.objects.has(id));
}

/** A problem for each path given that has nothing to read; under the path itself, where there is no file then. */
function reportEmptyPaths(registry: ObjectRegistry, paths: readonly string[]): void {
  for (const path of paths) {
    const root = withoutEnd(path);
    const known = registry.files.get(root);
    if (known?.text !== undefined) continue;
    const found = [...registry.files.keys()].some(
      (file) => file !== root && (root === "." || file.startsWith(root + sep)),
    );
    const isThere = existsSync(root);
    const problem = found && isThere ? undefined : emptyPath(root, isThere, found);
    if (problem !== undefined || known !== undefined) registry.put(root, problem);
  }
}

function emptyPath(root: string, isThere: boolean, held: boolean): ParsedFile {
  if (isThere) return problemAlone(root, "warning", "holds no .yaml, .yml or .json file");
  const message = held
    ? "this directory is gone; what it said stays until it is back"
    : "there is no such file or directory; check the path";
  return problemAlone(root, "error", message);
}

function problemAlone(path: string, severity: Problem["severity"], message: string): ParsedFile {
  const problems = [{ severity, message, file: path }];
  return { path, text: undefined, objects: new Map(), standIns: [], documents: new Map(), problems };
}
