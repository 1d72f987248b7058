// Files under some paths, now and as they change. Editors rename, truncate and replace; directories come and go;
// the kernel may lose events: so an event only says where to look again, and everything is looked over now and then.
import { type BigIntStats, type FSWatcher, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { basename, dirname, join, normalize, resolve, sep } from "node:path";

/** The text of a file, or `undefined` once it is gone. */
export type FileChange = readonly [path: string, text: string | undefined];

export interface WatchOptions {
  /** Files, and directories that are read recursively. */
  readonly paths: readonly string[];
  /** Whether a file found in a directory is wanted. Paths given themselves are wanted whatever their name. */
  readonly accepts: (name: string) => boolean;
  /** Called with what changed since the last call; files of one turn of the event loop come together. */
  readonly changed: (changes: readonly FileChange[]) => void;
  /** A directory that cannot be watched: its changes are still found, within `sweepMs`. */
  readonly unwatchable: (directory: string, reason: string) => void;
}

export interface WatchedFiles {
  /** The files that are there at the start. */
  readonly initial: readonly FileChange[];
  close(): void;
}

/** How often everything is compared with what is known, for events that were lost. */
const sweepMs = 10_000;

interface State {
  readonly options: WatchOptions;
  readonly roots: readonly string[];
  /** By path; the stamp changes whenever the file does. */
  readonly files: Map<string, string>;
  readonly watchers: Map<string, { readonly inode: bigint; readonly watcher: FSWatcher }>;
  readonly touched: Set<string>;
  scheduled: NodeJS.Immediate | undefined;
}

/** Starts to watch. */
export function watchFiles(options: WatchOptions): WatchedFiles {
  const state: State = {
    options,
    roots: withoutNested(options.paths.map(withoutEnd)),
    files: new Map(),
    watchers: new Map(),
    touched: new Set(),
    scheduled: undefined,
  };
  const initial = lookAtAll(state);
  const sweep = setInterval(() => report(state, lookAtAll(state)), sweepMs).unref();
  return {
    initial,
    close: () => {
      clearInterval(sweep);
      clearImmediate(state.scheduled);
      for (const { watcher } of state.watchers.values()) watcher.close();
      state.watchers.clear();
    },
  };
}

/** A path in the form in which it begins the paths of what is below it. */
export function withoutEnd(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith(sep) ? normal.slice(0, -1) : normal;
}

/** Drops paths that another one contains. */
function withoutNested(paths: readonly string[]): readonly string[] {
  return paths.filter((path, index) =>
    paths.every((other, otherIndex) => {
      if (other === path) return index <= otherIndex;
      const [inner, outer] = [resolve(path), resolve(other)];
      return inner === outer ? index < otherIndex : !inner.startsWith(outer + sep);
    }),
  );
}

function lookAtAll(state: State): readonly FileChange[] {
  const changes: FileChange[] = [];
  for (const root of state.roots) {
    watchDirectory(state, dirname(root), undefined);
    lookAt(state, root, false, changes);
  }
  for (const path of state.files.keys()) {
    if (statOf(path) === undefined) forget(state, path, changes);
  }
  return changes;
}

/** Compares a path with what is known of it. `certain`: an event named it, so it is read whatever its stamp says. */
function lookAt(state: State, path: string, certain: boolean, changes: FileChange[]): void {
  const stats = statOf(path);
  if (stats === undefined) forget(state, path, changes);
  else if (stats.isDirectory()) {
    watchDirectory(state, path, stats);
    for (const name of entriesOf(path)) {
      const child = join(path, name);
      if (covers(state, child)) lookAt(state, child, false, changes);
    }
  } else if (stats.isFile()) {
    const stamp = `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    if (!certain && state.files.get(path) === stamp) return;
    const text = textOf(path);
    if (text === undefined) return;
    state.files.set(path, stamp);
    changes.push([path, text]);
  }
}

/** Takes away a path and everything below it. */
function forget(state: State, path: string, changes: FileChange[]): void {
  const below = path + sep;
  for (const file of state.files.keys()) {
    if (file !== path && !file.startsWith(below)) continue;
    state.files.delete(file);
    changes.push([file, undefined]);
  }
  for (const [directory, { watcher }] of state.watchers) {
    if (directory !== path && !directory.startsWith(below)) continue;
    watcher.close();
    state.watchers.delete(directory);
  }
}

function watchDirectory(state: State, directory: string, known: BigIntStats | undefined): void {
  const stats = known ?? statOf(directory);
  if (stats?.isDirectory() !== true) return;
  const present = state.watchers.get(directory);
  // A directory that was replaced by another one of the same name is watched anew.
  if (present?.inode === stats.ino) return;
  present?.watcher.close();
  try {
    const watcher = watch(directory, { persistent: true }, (_event, name) => touch(state, directory, name));
    watcher.on("error", () => {
      watcher.close();
      state.watchers.delete(directory);
    });
    state.watchers.set(directory, { inode: stats.ino, watcher });
  } catch (error) {
    state.options.unwatchable(directory, error instanceof Error ? error.message : String(error));
  }
}

function touch(state: State, directory: string, name: string | null): void {
  const path = name === null ? directory : join(directory, name);
  if (!covers(state, path) && !state.roots.some((root) => root === directory)) return;
  state.touched.add(covers(state, path) ? path : directory);
  state.scheduled ??= setImmediate(() => {
    state.scheduled = undefined;
    const changes: FileChange[] = [];
    for (const touched of state.touched) lookAt(state, touched, true, changes);
    state.touched.clear();
    report(state, changes);
  });
}

function report(state: State, changes: readonly FileChange[]): void {
  if (changes.length > 0) state.options.changed(changes);
}

/** Whether a path is one that was asked for: a root, or below one, without hidden parts and with a wanted name. */
function covers(state: State, path: string): boolean {
  for (const root of state.roots) {
    if (path === root) return true;
    const prefix = root.endsWith(sep) ? root : root + sep;
    const inner = root === "." ? path : path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
    if (inner === undefined) continue;
    const parts = inner.split(sep);
    if (parts.some((part) => part.startsWith(".") || part === "node_modules")) continue;
    if (state.options.accepts(basename(path)) || isDirectory(path) || state.watchers.has(path)) return true;
  }
  return false;
}

function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return []; // It went away meanwhile; the event for that is on its way.
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
