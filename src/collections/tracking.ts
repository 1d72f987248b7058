// Who read what: a slot is one thing that can be read, a cell one computation that reads.

/** One computation, a stage's function at one key, with what it read when it ran last. */
export interface Cell {
  readonly key: string;
  readonly stage: { readonly name: string; invalidate(key: string): void };
  reads: readonly Slot[];
}

/** One readable thing: a key, a value of an index, or all of a collection. */
export interface Slot {
  readonly table: SlotTable;
  readonly token: string;
  /** One alone or several: most slots have one reader, and a set for each would be a third of a large graph's memory. */
  readers: Cell | Set<Cell> | undefined;
}

/** The slots of one kind of read of one collection, by token. Slots that nobody reads are dropped. */
export class SlotTable {
  /** For dumps, such as `services=` or `pods#node=`; the token follows. */
  readonly label: string;
  readonly #slots = new Map<string, Slot>();
  readonly #vacated: ((token: string) => void) | undefined;

  constructor(label: string, vacated?: (token: string) => void) {
    this.label = label;
    this.#vacated = vacated;
  }

  /** The slot of a token, made if it is missing; it must be given a reader by `recordReads` afterwards. */
  obtain(token: string): Slot {
    let slot = this.#slots.get(token);
    if (slot === undefined) {
      slot = { table: this, token, readers: undefined };
      this.#slots.set(token, slot);
    }
    return slot;
  }

  has(token: string): boolean {
    return this.#slots.has(token);
  }

  /** Makes everything that read this token run again. */
  wake(token: string): void {
    const readers = this.#slots.get(token)?.readers;
    if (readers instanceof Set) for (const cell of readers) cell.stage.invalidate(cell.key);
    else readers?.stage.invalidate(readers.key);
  }

  leave(slot: Slot, cell: Cell): void {
    if (slot.readers instanceof Set) {
      slot.readers.delete(cell);
      if (slot.readers.size > 0) return;
    } else if (slot.readers !== cell) return;
    this.#slots.delete(slot.token);
    this.#vacated?.(slot.token);
  }
}

const nothing: ReadonlySet<Slot> = new Set();

function addReader(slot: Slot, cell: Cell): void {
  if (slot.readers instanceof Set) slot.readers.add(cell);
  else if (slot.readers === undefined) slot.readers = cell;
  else if (slot.readers !== cell) slot.readers = new Set([slot.readers, cell]);
}

export function newCell(stage: Cell["stage"], key: string): Cell {
  return { key, stage, reads: [] };
}

/** Replaces what a cell is recorded to have read. Slots in both sets are not touched. */
export function recordReads(cell: Cell, reads: ReadonlySet<Slot>): void {
  const before = cell.reads;
  cell.reads = [...reads];
  for (const slot of reads) addReader(slot, cell);
  for (const slot of before) if (!reads.has(slot)) slot.table.leave(slot, cell);
}

export function forgetReads(cell: Cell): void {
  recordReads(cell, nothing);
}
