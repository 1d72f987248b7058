import { isDeepStrictEqual } from "node:util";
import type { Change, Collection, Index } from "./collection.ts";
import { type Slot, SlotTable } from "./tracking.ts";

/** What a collection and a stage need of the graph that they belong to. */
export interface Host {
  /** Whether stages run now; sources may not be written then. */
  readonly evaluating: boolean;
  wake(order: number): void;
  changed(store: Announcer): void;
  fault(collection: string, key: string, error: unknown): void;
  recovered(collection: string, key: string): void;
}

/** A store with changes that its listeners have not seen. */
export interface Announcer {
  readonly order: number;
  announce(): void;
}

/** The one implementation of `Collection`: items, indexes over them, and who reads them. */
export class Store<T> implements Collection<T>, Announcer {
  readonly name: string;
  /** The place in the graph; stages read only what has a smaller one. */
  readonly order: number;
  readonly host: Host;
  readonly #items = new Map<string, T>();
  readonly #indexes = new Map<string, StoreIndex<T>>();
  readonly #keyReaders: SlotTable;
  readonly #allReaders: SlotTable;
  readonly #followers: ((key: string) => void)[] = [];
  readonly #listeners = new Set<(changes: readonly Change<T>[]) => void>();
  /** Items as the listeners last saw them, by changed key. */
  readonly #unannounced = new Map<string, T | undefined>();
  #sorted: readonly T[] | undefined;

  constructor(host: Host, name: string, order: number) {
    this.host = host;
    this.name = name;
    this.order = order;
    this.#keyReaders = new SlotTable(`${name}=`, (key) => this.vacated(key));
    this.#allReaders = new SlotTable(`${name}*`);
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  keys(): Iterable<string> {
    return this.#items.keys();
  }

  entries(): Iterable<[string, T]> {
    return this.#items.entries();
  }

  /** All items, sorted by key. */
  sorted(): readonly T[] {
    this.#sorted ??= inOrderOfKeys(this.#items.keys(), this.#items);
    return this.#sorted;
  }

  onChange(listener: (changes: readonly Change<T>[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  index(name: string, valuesOf: (item: T, key: string) => Iterable<string>): Index<T> {
    if (this.#indexes.has(name)) throw new Error(`${this.name} has an index ${name} already`);
    const index = new StoreIndex(this, name, valuesOf, this.#items);
    this.#indexes.set(name, index);
    return index;
  }

  get indexNames(): readonly string[] {
    return [...this.#indexes.keys()];
  }

  /** Calls `follower` with each key written from now on, at once. */
  follow(follower: (key: string) => void): void {
    this.#followers.push(follower);
  }

  /** Replaces one item, unless it equals what is there; wakes everything that read it. */
  write(key: string, after: T | undefined): void {
    const before = this.#items.get(key);
    if (before === after || (before !== undefined && after !== undefined && isDeepStrictEqual(before, after)))
      return;
    if (after === undefined) this.#items.delete(key);
    else this.#items.set(key, after);
    this.#sorted = undefined;
    for (const index of this.#indexes.values()) index.update(key, after);
    this.#keyReaders.wake(key);
    this.#allReaders.wake("");
    for (const follower of this.#followers) follower(key);
    if (!this.#unannounced.has(key)) this.#unannounced.set(key, before);
    this.host.changed(this);
  }

  announce(): void {
    const changes: Change<T>[] = [];
    for (const [key, before] of this.#unannounced) {
      const after = this.#items.get(key);
      if (before !== after) changes.push({ key, before, after });
    }
    this.#unannounced.clear();
    if (changes.length > 0) for (const listener of this.#listeners) listener(changes);
  }

  slotOfKey(key: string): Slot {
    return this.#keyReaders.obtain(key);
  }

  slotOfAll(): Slot {
    return this.#allReaders.obtain("");
  }

  isRead(key: string): boolean {
    return this.#keyReaders.has(key);
  }

  /** Called before a stage reads a key; a lazy collection computes it here. */
  prepare(_key: string): void {}

  /** Called when the last stage that read a key does so no more. */
  protected vacated(_key: string): void {}
}

interface Bucket<T> {
  readonly keys: Set<string>;
  sorted: readonly T[] | undefined;
}

/** An index of a store; a function that throws puts the item nowhere and is recorded as a fault. */
export class StoreIndex<T> implements Index<T> {
  readonly name: string;
  readonly of: Store<T>;
  readonly #valuesOf: (item: T, key: string) => Iterable<string>;
  readonly #items: ReadonlyMap<string, T>;
  readonly #buckets = new Map<string, Bucket<T>>();
  readonly #values = new Map<string, readonly string[]>();
  readonly #readers: SlotTable;

  constructor(
    of: Store<T>,
    name: string,
    valuesOf: (item: T, key: string) => Iterable<string>,
    items: ReadonlyMap<string, T>,
  ) {
    this.of = of;
    this.name = name;
    this.#valuesOf = valuesOf;
    this.#items = items;
    this.#readers = new SlotTable(`${of.name}#${name}=`);
    for (const [key, item] of items) this.update(key, item);
  }

  get(value: string): readonly T[] {
    const bucket = this.#buckets.get(value);
    if (bucket === undefined) return [];
    bucket.sorted ??= inOrderOfKeys(bucket.keys, this.#items);
    return bucket.sorted;
  }

  slot(value: string): Slot {
    return this.#readers.obtain(value);
  }

  update(key: string, item: T | undefined): void {
    const before = this.#values.get(key) ?? [];
    const after = item === undefined ? [] : this.#evaluate(item, key);
    if (item === undefined) this.of.host.recovered(this.#faultName, key);
    if (after.length === 0) this.#values.delete(key);
    else this.#values.set(key, after);
    const kept = new Set(after);
    for (const value of before) {
      if (kept.has(value)) continue;
      const bucket = this.#buckets.get(value);
      bucket?.keys.delete(key);
      if (bucket?.keys.size === 0) this.#buckets.delete(value);
      this.#touch(value, bucket);
    }
    for (const value of after) {
      let bucket = this.#buckets.get(value);
      if (bucket === undefined) {
        bucket = { keys: new Set(), sorted: undefined };
        this.#buckets.set(value, bucket);
      }
      bucket.keys.add(key);
      this.#touch(value, bucket);
    }
  }

  get #faultName(): string {
    return `${this.of.name}#${this.name}`;
  }

  /** The values, each once. */
  #evaluate(item: T, key: string): readonly string[] {
    try {
      const values = [...new Set(this.#valuesOf(item, key))];
      this.of.host.recovered(this.#faultName, key);
      return values;
    } catch (error) {
      this.of.host.fault(this.#faultName, key, error);
      return [];
    }
  }

  #touch(value: string, bucket: Bucket<T> | undefined): void {
    if (bucket !== undefined) bucket.sorted = undefined;
    this.#readers.wake(value);
  }
}

function inOrderOfKeys<T>(keys: Iterable<string>, items: ReadonlyMap<string, T>): readonly T[] {
  const sorted: T[] = [];
  for (const key of [...keys].sort()) {
    const item = items.get(key);
    if (item !== undefined) sorted.push(item);
  }
  return sorted;
}
