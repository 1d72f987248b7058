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
      for (const change of changes) take(change, false);
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
    const message = existsSync(root)
      ? "holds no .yaml, .yml or .json file"
      : "there is no such file or directory; check the path";
    const problem = found ? undefined : problemAlone(root, existsSync(root) ? "warning" : "error", message);
    if (problem !== undefined || known !== undefined) registry.put(root, problem);
  }
}

function problemAlone(path: string, severity: Problem["severity"], message: string): ParsedFile {
  const problems = [{ severity, message, file: path }];
  return { path, text: undefined, objects: new Map(), standIns: [], documents: new Map(), problems };
}
