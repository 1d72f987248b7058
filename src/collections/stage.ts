import type { Collection, Fetch, Index } from "./collection.ts";
import { type Host, Store, StoreIndex } from "./store.ts";
import { type Cell, forgetReads, newCell, recordReads, type Slot } from "./tracking.ts";

/** What makes one kind of stage: which keys it computes, how, and where results go. */
export interface StageKind<R> {
  wanted(key: string): boolean;
  compute(key: string, fetch: Fetch): R;
  /** Takes a new result, or `undefined` for a key that is wanted no more. */
  put(key: string, result: R | undefined): void;
}

/** Runs a function per key and remembers what each run read, so that only stale keys run again. */
export class Stage<R> {
  readonly name: string;
  readonly order: number;
  readonly #host: Host;
  readonly #kind: StageKind<R>;
  readonly #cells = new Map<string, Cell>();
  #stale = new Set<string>();
  /** How many times the function ran, and for how long in all. */
  runs = 0;
  milliseconds = 0;

  constructor(host: Host, name: string, order: number, kind: StageKind<R>) {
    this.#host = host;
    this.name = name;
    this.order = order;
    this.#kind = kind;
  }

  invalidate(key: string): void {
    if (this.#stale.has(key)) return;
    this.#stale.add(key);
    this.#host.wake(this.order);
  }

  isCurrent(key: string): boolean {
    return this.#cells.has(key) && !this.#stale.has(key);
  }

  /** Computes everything stale. */
  run(): void {
    if (this.#stale.size === 0) return;
    const start = performance.now();
    const keys = this.#stale;
    this.#stale = new Set();
    for (const key of keys) this.#refresh(key);
    this.milliseconds += performance.now() - start;
  }

  /** Computes one key now, out of turn, if it is stale or new. */
  computeNow(key: string): void {
    if (this.isCurrent(key)) return;
    this.#stale.delete(key);
    this.#refresh(key);
  }

  /** What each key read last, as text. */
  *reads(): Iterable<[string, readonly string[]]> {
    for (const [key, cell] of this.#cells)
      yield [key, cell.reads.map((slot) => slot.table.label + slot.token).sort()];
  }

  #refresh(key: string): void {
    const cell = this.#cells.get(key);
    if (!this.#kind.wanted(key)) {
      this.#cells.delete(key);
      if (cell !== undefined) forgetReads(cell);
      this.#host.recovered(this.name, key);
      this.#kind.put(key, undefined);
      return;
    }
    if (cell !== undefined) return this.#compute(cell);
    const made = newCell(this, key);
    this.#cells.set(key, made);
    this.#compute(made);
  }

  #compute(cell: Cell): void {
    const fetch = new RecordedFetch(this);
    this.runs++;
    let result: R;
    try {
      result = this.#kind.compute(cell.key, fetch);
    } catch (error) {
      // The last good result stays; what was read before the error decides when to try again.
      this.#host.fault(this.name, cell.key, error);
      return;
    } finally {
      fetch.close();
      recordReads(cell, fetch.slots);
    }
    this.#host.recovered(this.name, cell.key);
    this.#kind.put(cell.key, result);
  }
}

/** The `Fetch` of one run. */
class RecordedFetch implements Fetch {
  readonly slots = new Set<Slot>();
  readonly #reader: { readonly name: string; readonly order: number };
  #open = true;

  constructor(reader: { readonly name: string; readonly order: number }) {
    this.#reader = reader;
  }

  get<T>(collection: Collection<T>, key: string): T | undefined {
    const store = this.#earlier(collection);
    this.slots.add(store.slotOfKey(key));
    store.prepare(key);
    return store.get(key);
  }

  by<T>(index: Index<T>, value: string): readonly T[] {
    this.#earlier(index.of);
    if (!(index instanceof StoreIndex)) throw new Error(`${index.name} is not an index of this graph`);
    this.slots.add(index.slot(value));
    return index.get(value) as readonly T[];
  }

  all<T>(collection: Collection<T>): readonly T[] {
    const store = this.#earlier(collection);
    this.slots.add(store.slotOfAll());
    return store.sorted();
  }

  close(): void {
    this.#open = false;
  }

  #earlier<T>(collection: Collection<T>): Store<T> {
    const store = storeOf(collection);
    if (!this.#open) throw new Error(`${this.#reader.name} fetches ${store.name} after its run has ended`);
    if (store.order >= this.#reader.order)
      throw new Error(`${this.#reader.name} fetches ${store.name}, which was made after it`);
    return store;
  }
}

/** The implementation behind a collection; throws for one that no graph made. */
export function storeOf<T>(collection: Collection<T>): Store<T> {
  if (collection instanceof Store) return collection as Store<T>;
  throw new Error(`${collection.name} is not a collection of a graph`);
}
