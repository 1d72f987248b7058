import type { Fault } from "./fault.ts";
import type { Stage } from "./stage.ts";
import type { Store } from "./store.ts";

/** One collection of a graph as the graph keeps it. */
export interface Node {
  readonly kind: "source" | "derive" | "deriveMany" | "union" | "single" | "demand" | "demanded";
  readonly store: Pick<Store<unknown>, "name" | "size" | "keys" | "indexNames">;
  readonly stage?: Pick<Stage<unknown>, "run" | "runs" | "milliseconds" | "reads">;
  /** The collection whose items are the inputs. */
  readonly from?: string;
}

/** What a collection is, holds and costs, as plain data for people. */
export interface CollectionDump {
  readonly name: string;
  readonly kind: Node["kind"];
  readonly from?: string;
  readonly size: number;
  readonly indexes: readonly string[];
  /** How often its function ran, and how long in all (milliseconds). */
  readonly runs: number;
  readonly milliseconds: number;
  readonly faults: Readonly<Record<string, string>>;
  readonly keys?: readonly string[];
  /** By input key: what its last run read, as `collection=key`, `collection#index=value` or `collection*`. */
  readonly reads?: Readonly<Record<string, readonly string[]>>;
}

export function dumpCollection(node: Node, faults: Iterable<Fault>, inFull: boolean): CollectionDump {
  const { store, stage } = node;
  const own = [...faults].filter((fault) => fault.collection === store.name);
  return {
    name: store.name,
    kind: node.kind,
    ...(node.from === undefined ? {} : { from: node.from }),
    size: store.size,
    indexes: store.indexNames,
    runs: stage?.runs ?? 0,
    milliseconds: stage?.milliseconds ?? 0,
    faults: Object.fromEntries(own.map((fault) => [fault.key, String(fault.error)])),
    ...(inFull
      ? {
          keys: [...store.keys()].sort(),
          reads: Object.fromEntries(stage === undefined ? [] : stage.reads()),
        }
      : {}),
  };
}
