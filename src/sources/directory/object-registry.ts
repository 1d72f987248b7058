// The objects of all files: for each the file that decides, and a source per kind that holds what it says.
import type { Graph, Source } from "#collections/graph.ts";
import type { ImageStandIn } from "#model/image-stand-in.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Problem } from "#model/reference.ts";
import type { Kind, ObjectOfKind } from "#sources/objects.ts";
import { type LocatedObject, lineOfObject, objectId, type ParsedFile, referenceTo } from "./parse-file.ts";

export interface ObjectRegistry {
  readonly files: ReadonlyMap<string, ParsedFile>;
  readonly problems: Source<Problem>;
  /** Namespaces that objects are in or that are defined, each under itself. */
  readonly namespaceNames: Source<string>;
  /** By the file that has them, in order, and their image. */
  readonly standIns: Source<ImageStandIn>;
  ofKind<K extends Kind>(kind: K): Source<ObjectOfKind[K]>;
  /** Where an object stands, in the file that decides. */
  find(kind: string, key: string): { readonly file: string; readonly object: LocatedObject } | undefined;
  /** Takes what a file says now; `undefined` when it is gone. Costs as much as what changed in it. */
  put(path: string, file: ParsedFile | undefined): void;
}

interface State {
  readonly files: Map<string, ParsedFile>;
  /** Paths of the files that define an object, in order; the first one decides. */
  readonly owners: Map<string, readonly string[]>;
  /** Objects that several files define or did until now, and those files. */
  readonly contested: Map<string, readonly string[]>;
  readonly namespaceUses: Map<string, number>;
  readonly objects: Map<Kind, Source<KubernetesObject>>;
  readonly problems: Source<Problem>;
  readonly namespaceNames: Source<string>;
  readonly standIns: Source<ImageStandIn>;
}

/** An empty registry whose sources belong to `graph`. */
export function openRegistry(graph: Graph): ObjectRegistry {
  const state: State = {
    files: new Map(),
    owners: new Map(),
    contested: new Map(),
    namespaceUses: new Map(),
    objects: new Map(),
    problems: graph.source("problems of files"),
    namespaceNames: graph.source("namespaces in files"),
    standIns: graph.source("stand-ins for images in files"),
  };
  const ofKind = <K extends Kind>(kind: K): Source<ObjectOfKind[K]> => {
    const present = state.objects.get(kind) ?? graph.source<KubernetesObject>(`${kind} in files`);
    state.objects.set(kind, present);
    return present as unknown as Source<ObjectOfKind[K]>;
  };
  return {
    files: state.files,
    problems: state.problems,
    namespaceNames: state.namespaceNames,
    standIns: state.standIns,
    ofKind,
    find: (kind, key) => {
      const file = state.owners.get(objectId(kind, key))?.[0];
      const object = file === undefined ? undefined : state.files.get(file)?.objects.get(objectId(kind, key));
      return file === undefined || object === undefined ? undefined : { file, object };
    },
    put: (path, file) => {
      const before = state.files.get(path);
      if (file === undefined) state.files.delete(path);
      else state.files.set(path, file);
      for (const [id, object] of before?.objects ?? []) {
        if (file?.objects.get(id)?.value !== object.value)
          change(state, path, id, object, file?.objects.get(id), ofKind);
      }
      for (const [id, object] of file?.objects ?? []) {
        if (before?.objects.has(id) !== true) change(state, path, id, undefined, object, ofKind);
      }
      putStandIns(state, path, before, file);
      putProblems(state, path, before, file);
      putDuplicates(state);
    },
  };
}

/** One object of one file appears, changes or goes. */
function change(
  state: State,
  path: string,
  id: string,
  before: LocatedObject | undefined,
  after: LocatedObject | undefined,
  sourceOf: (kind: Kind) => Source<KubernetesObject>,
): void {
  if (before === undefined || after === undefined) {
    const others = (state.owners.get(id) ?? []).filter((owner) => owner !== path);
    const owners = after === undefined ? others : [...others, path].sort();
    if (owners.length === 0) state.owners.delete(id);
    else state.owners.set(id, owners);
    const contested = state.contested.get(id) ?? [];
    if (owners.length > 1 || contested.length > 0)
      state.contested.set(id, [...new Set([...contested, ...owners, path])]);
    useNamespace(state, (after ?? before)?.value, after === undefined ? -1 : 1);
  }
  const decides = state.owners.get(id)?.[0];
  const { kind, key } = (after ?? before) as LocatedObject;
  const object = decides === undefined ? undefined : state.files.get(decides)?.objects.get(id);
  sourceOf(kind).set(key, object?.value);
}

function useNamespace(state: State, object: KubernetesObject | undefined, by: number): void {
  const name = object?.kind === "Namespace" ? object.metadata.name : object?.metadata.namespace;
  if (name === undefined) return;
  const uses = (state.namespaceUses.get(name) ?? 0) + by;
  state.namespaceUses.set(name, uses);
  state.namespaceNames.set(name, uses > 0 ? name : undefined);
}

function putStandIns(
  state: State,
  path: string,
  before: ParsedFile | undefined,
  after: ParsedFile | undefined,
): void {
  for (const { image } of before?.standIns ?? []) state.standIns.set(`${path} ${image}`, undefined);
  for (const standIn of after?.standIns ?? []) state.standIns.set(`${path} ${standIn.image}`, standIn);
}

function putProblems(
  state: State,
  path: string,
  before: ParsedFile | undefined,
  after: ParsedFile | undefined,
): void {
  const count = Math.max(before?.problems.length ?? 0, after?.problems.length ?? 0);
  for (let index = 0; index < count; index++) {
    state.problems.set(`${path} ${String(index).padStart(6, "0")}`, after?.problems[index]);
  }
}

/** A problem for every file but the first that defines an object. */
function putDuplicates(state: State): void {
  for (const [id, reported] of state.contested) {
    const owners = state.owners.get(id) ?? [];
    for (const path of reported) {
      state.problems.set(`${path} duplicate ${id}`, duplicate(state, path, owners[0], id));
    }
    if (owners.length > 1) state.contested.set(id, owners);
    else state.contested.delete(id);
  }
}

function duplicate(state: State, path: string, first: string | undefined, id: string): Problem | undefined {
  const object = state.files.get(path)?.objects.get(id);
  const used = first === undefined ? undefined : state.files.get(first)?.objects.get(id);
  if (object === undefined || used === undefined || path === first) return undefined;
  return {
    severity: "error",
    message: `is defined in ${first}:${lineOfObject(used)} already, and that one is used; remove one of the two`,
    object: referenceTo(object),
    file: path,
    line: lineOfObject(object),
  };
}
