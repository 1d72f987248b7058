import type { Collection, Demand, Fetch } from "./collection.ts";
import { Stage } from "./stage.ts";
import { type Host, Store } from "./store.ts";

/** A lazy store: its items exist while somebody retains their key or a later stage reads it. */
export class DemandStore<O> extends Store<O> implements Demand<O> {
  readonly demanded: Collection<string>;
  readonly stage: Stage<O | undefined>;
  readonly #demanded: Store<string>;
  readonly #counts = new Map<string, number>();

  constructor(
    host: Host,
    name: string,
    order: number,
    demanded: Store<string>,
    fn: (key: string, fetch: Fetch) => O | undefined,
  ) {
    super(host, name, order);
    this.demanded = demanded;
    this.#demanded = demanded;
    this.stage = new Stage(host, name, order, {
      wanted: (key) => this.#counts.has(key) || this.isRead(key),
      compute: fn,
      put: (key, result) => this.#put(key, result),
    });
  }

  retain(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    if (count > 0) return;
    this.#demanded.write(key, key);
    if (!this.stage.isCurrent(key)) this.stage.invalidate(key);
  }

  release(key: string): void {
    const count = this.#counts.get(key);
    if (count === undefined) throw new Error(`${this.name}: ${key} is released more often than retained`);
    if (count > 1) {
      this.#counts.set(key, count - 1);
      return;
    }
    this.#counts.delete(key);
    if (!this.isRead(key)) this.stage.invalidate(key);
  }

  override prepare(key: string): void {
    if (this.stage.isCurrent(key)) return;
    this.#demanded.write(key, key);
    this.stage.computeNow(key);
  }

  protected override vacated(key: string): void {
    if (!this.#counts.has(key)) this.stage.invalidate(key);
  }

  #put(key: string, result: O | undefined): void {
    if (!this.#counts.has(key) && !this.isRead(key)) this.#demanded.write(key, undefined);
    this.write(key, result);
  }
}
