import type { Graph, Source } from "#collections/graph.ts";
import type { KubernetesObject } from "#model/object.ts";
import type { Problem } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import type { ReadStored } from "./stored-object.ts";

/** The objects of one kind and their problems, as the rest of Heddle sees them. */
export interface Cell {
  readonly objects: Source<KubernetesObject>;
  /** Takes all that there is; what is the same stays untouched, what is missing goes. */
  replace(all: ReadonlyMap<string, ReadStored>): void;
  /** Takes one object. One that is refused keeps its last good version, as in files. */
  change(key: string, read: ReadStored | undefined): void;
}

/** An empty cell of a kind; `problems` is shared by all kinds. */
export function openCell(graph: Graph, kind: Kind, problems: Source<Problem>): Cell {
  const objects = graph.source<KubernetesObject>(`${kind} at the API server`);
  const problemCounts = new Map<string, number>();
  const change = (key: string, read: ReadStored | undefined): void => {
    if (read === undefined || read.object !== undefined) objects.set(key, read?.object);
    const now = read?.problems ?? [];
    const count = Math.max(now.length, problemCounts.get(key) ?? 0);
    for (let index = 0; index < count; index++) problems.set(`${kind} ${key} ${index}`, now[index]);
    if (now.length === 0) problemCounts.delete(key);
    else problemCounts.set(key, now.length);
  };
  return {
    objects,
    change,
    replace: (all) => {
      const gone = [...objects.keys(), ...problemCounts.keys()].filter((key) => !all.has(key));
      for (const key of gone) change(key, undefined);
      for (const [key, read] of all) change(key, read);
    },
  };
}
