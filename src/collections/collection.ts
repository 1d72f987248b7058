// What users of the incremental engine see: keyed collections, their indexes, and the recorded reads of stages.

/** One key's change over a whole batch; `undefined` means that the key was or is absent. */
export interface Change<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** Keyed items that change over time. Items are treated as frozen. Direct reads are for the edges; stages read through `Fetch`. */
export interface Collection<T> {
  readonly name: string;
  readonly size: number;
  get(key: string): T | undefined;
  keys(): Iterable<string>;
  entries(): Iterable<[string, T]>;
  /** Calls `listener` after each settled batch that changed something here; returns how to stop. What is there already is not replayed. */
  onChange(listener: (changes: readonly Change<T>[]) => void): () => void;
  /** Makes a lookup from values of items to items, kept up to date. `name` is unique within the collection. */
  index(name: string, valuesOf: (item: T, key: string) => Iterable<string>): Index<T>;
}

/** A lookup from a value to the items that have it. */
export interface Index<T> {
  readonly name: string;
  readonly of: Collection<T>;
  /** The items with that value, sorted by key. */
  get(value: string): readonly T[];
}

/** A collection that the outside world writes. */
export interface Source<T> extends Collection<T> {
  /** Writes one item; `undefined` deletes it. Takes effect on what is derived at the next settling. */
  set(key: string, value: T | undefined): void;
  /** Writes many items in the order given. */
  apply(writes: Iterable<readonly [string, T | undefined]>): void;
}

/** A collection of at most one item, under the key "". */
export interface Single<T> extends Collection<T> {
  readonly value: T | undefined;
}

/** A collection whose items are computed only for keys that somebody retains (or that a later stage fetches). */
export interface Demand<T> extends Collection<T> {
  /** Asks for a key; counted. The item is there after the next settling, if there is one. */
  retain(key: string): void;
  /** Takes one `retain` back; throws if there was none. The item goes at the next settling after the last. */
  release(key: string): void;
  /** The keys asked for, each under itself. */
  readonly demanded: Collection<string>;
}

/** How a stage reads other collections: every read is recorded, and the stage runs again when what it read changes. */
export interface Fetch {
  /** One item. Of a `Demand` the key is retained, and computed at once, for as long as the reader reads it. */
  get<T>(collection: Collection<T>, key: string): T | undefined;
  /** The items that have the value, sorted by key. */
  by<T>(index: Index<T>, value: string): readonly T[];
  /** All items, sorted by key. */
  all<T>(collection: Collection<T>): readonly T[];
}
