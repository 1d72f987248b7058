import type { Source } from "./collection.ts";
import { Store } from "./store.ts";

/** A store that may be written from outside, except while stages run. */
export class SourceStore<T> extends Store<T> implements Source<T> {
  set(key: string, value: T | undefined): void {
    if (this.host.evaluating) throw new Error(`${this.name} is written by a stage; stages are pure`);
    this.write(key, value);
  }

  apply(writes: Iterable<readonly [string, T | undefined]>): void {
    for (const [key, value] of writes) this.set(key, value);
  }
}
