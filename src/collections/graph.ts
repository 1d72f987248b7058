import type { Collection, Demand, Fetch, Single, Source } from "./collection.ts";
import { DemandStore } from "./demand.ts";
import { firstOf, oneToMany, oneToOne, SingleStore } from "./derive.ts";
import { type CollectionDump, dumpCollection, type Node } from "./dump.ts";
import type { Fault } from "./fault.ts";
import { SourceStore } from "./source.ts";
import { Stage, type StageKind, storeOf } from "./stage.ts";
import { type Announcer, type Host, Store } from "./store.ts";

export type { Change, Collection, Demand, Fetch, Index, Single, Source } from "./collection.ts";

export interface GraphOptions {
  /** Called each time that a stage throws; `Graph.faults` holds those that still do. */
  readonly onFault?: (fault: Fault) => void;
}

/**
 * Incremental keyed collections: sources, which the world writes, and stages, pure functions over earlier
 * collections. A change runs exactly what read the changed items, in order of creation, once per batch; an equal
 * output stops it. All changes of one turn of the event loop are one batch.
 */
export class Graph {
  readonly #onFault: (fault: Fault) => void;
  readonly #faults = new Map<string, Fault>();
  readonly #nodes: Node[] = [];
  readonly #names = new Set<string>();
  readonly #changed = new Set<Announcer>();
  readonly #settledListeners = new Set<() => void>();
  readonly #host: Host;
  /** The first node that may have something stale. */
  #lowest = Number.POSITIVE_INFINITY;
  #phase: "idle" | "evaluating" | "announcing" = "idle";
  #scheduled = false;

  constructor(options: GraphOptions = {}) {
    this.#onFault = options.onFault ?? (() => {});
    const isEvaluating = (): boolean => this.#phase === "evaluating";
    this.#host = {
      get evaluating() {
        return isEvaluating();
      },
      wake: (order) => {
        this.#lowest = Math.min(this.#lowest, order);
        this.#schedule();
      },
      changed: (store) => {
        this.#changed.add(store);
        this.#schedule();
      },
      fault: (collection, key, error) => this.#fault({ collection, key, error }),
      recovered: (collection, key) => {
        if (this.#faults.size > 0) this.#faults.delete(`${collection}/${key}`);
      },
    };
  }

  /** Faults that still stand, by `collection/key`. */
  get faults(): ReadonlyMap<string, Fault> {
    return this.#faults;
  }

  /** A collection that the world writes. */
  source<T>(name: string): Source<T> {
    const store = new SourceStore<T>(this.#host, name, this.#nodes.length);
    this.#add({ kind: "source", store });
    return store;
  }

  /** One item to at most one, under the same key. */
  derive<I, O>(
    name: string,
    from: Collection<I>,
    fn: (input: I, fetch: Fetch, key: string) => O | undefined,
  ): Collection<O> {
    const into = new Store<O>(this.#host, name, this.#nodes.length);
    return this.#addStage("derive", [storeOf(from)], into, oneToOne(storeOf(from), into, fn));
  }

  /** One item to many, under keys of their own. A key made by two inputs belongs to the input whose key sorts first. */
  deriveMany<I, O>(
    name: string,
    from: Collection<I>,
    fn: (input: I, fetch: Fetch, key: string) => Iterable<readonly [string, O]>,
  ): Collection<O> {
    const into = new Store<O>(this.#host, name, this.#nodes.length);
    return this.#addStage("deriveMany", [storeOf(from)], into, oneToMany(storeOf(from), into, fn));
  }

  /** The items of several collections, under their keys; under a key that several have, that of the first. */
  union<T>(name: string, from: readonly Collection<T>[]): Collection<T> {
    const into = new Store<T>(this.#host, name, this.#nodes.length);
    const stores = from.map((collection) => storeOf(collection));
    return this.#addStage("union", stores, into, firstOf(stores, into));
  }

  /** At most one item, made of what it fetches. */
  single<O>(name: string, fn: (fetch: Fetch) => O | undefined): Single<O> {
    const into = new SingleStore<O>(this.#host, name, this.#nodes.length);
    const stage = new Stage<O | undefined>(this.#host, name, into.order, {
      wanted: () => true,
      compute: (_key, fetch) => fn(fetch),
      put: (key, result) => into.write(key, result),
    });
    this.#add({ kind: "single", store: into, stage });
    stage.invalidate("");
    return into;
  }

  /** Items computed only for the keys that somebody retains, or that a later stage fetches. */
  demand<O>(name: string, fn: (key: string, fetch: Fetch) => O | undefined): Demand<O> {
    const demanded = new Store<string>(this.#host, `${name} demanded`, this.#nodes.length);
    this.#add({ kind: "demanded", store: demanded });
    const store = new DemandStore<O>(this.#host, name, this.#nodes.length, demanded, fn);
    this.#add({ kind: "demand", store, stage: store.stage });
    return store;
  }

  /**
   * Runs every stale computation, then tells the listeners of what changed. Listeners may write sources and retain
   * keys: that is the next batch. Called within a listener it does nothing, for that batch is scheduled already.
   */
  settle(): void {
    if (this.#phase === "evaluating") throw new Error("a stage calls settle(); stages are pure");
    if (this.#phase === "announcing") return;
    try {
      this.#phase = "evaluating";
      // Going back happens only where a stage fetched a new key of an earlier lazy collection.
      while (this.#lowest < this.#nodes.length) this.#nodes[this.#lowest++]?.stage?.run();
      this.#lowest = Number.POSITIVE_INFINITY;
      this.#phase = "announcing";
      if (this.#changed.size === 0) return;
      const changed = [...this.#changed].sort((a, b) => a.order - b.order);
      this.#changed.clear();
      for (const store of changed) store.announce();
      for (const listener of this.#settledListeners) listener();
    } finally {
      this.#phase = "idle";
    }
  }

  /** Calls `listener` after each batch that changed something, after those of single collections; returns how to stop. */
  onSettled(listener: () => void): () => void {
    this.#settledListeners.add(listener);
    return () => this.#settledListeners.delete(listener);
  }

  /** Names, sizes, costs and faults of all collections; with a name also the keys of that one and what each read. */
  dump(name?: string): readonly CollectionDump[] {
    return this.#nodes
      .filter((node) => name === undefined || node.store.name === name)
      .map((node) => dumpCollection(node, this.#faults.values(), name !== undefined));
  }

  #add(node: Node): void {
    const { name } = node.store;
    if (this.#names.has(name)) throw new Error(`there is a collection ${name} already`);
    if (this.#phase !== "idle") throw new Error(`${name} is made while the graph settles`);
    this.#names.add(name);
    this.#nodes.push(node);
  }

  #addStage<I, O, R>(
    kind: Node["kind"],
    from: readonly Store<I>[],
    into: Store<O>,
    what: StageKind<R>,
  ): Store<O> {
    const stage = new Stage(this.#host, into.name, into.order, what);
    this.#add({ kind, store: into, stage, from: from.map(({ name }) => name).join(", ") });
    for (const store of from) {
      store.follow((key) => stage.invalidate(key));
      for (const key of store.keys()) stage.invalidate(key);
    }
    return into;
  }

  #schedule(): void {
    if (this.#scheduled || this.#phase === "evaluating") return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.settle();
    });
  }

  #fault(fault: Fault): void {
    this.#faults.set(`${fault.collection}/${fault.key}`, fault);
    this.#onFault(fault);
  }
}
