// Which streams wait for which resources of the provider: under keys that depend on who asks, and change with it.
import type { Absent, Provider, Resource } from "./provider.ts";
import type { Want } from "./wants.ts";

/** Told of a new value of a resource that is wanted. */
export type OnValue = (want: Want, value: Resource | Absent | undefined) => void;

/** What one stream waits for. */
export interface Watch {
  /** Sets what is known already. */
  watch(want: Want): void;
  unwatch(want: Want): void;
  /** No more comes after this; call it when nothing is wanted any longer. */
  close(): void;
}

interface OpenWatch<Client> {
  readonly client: Client;
  readonly keys: Map<Want, string>;
  readonly onValue: OnValue;
}

/** The watches of all streams. */
export class Watches<Client> {
  readonly #provider: Provider<Client>;
  readonly #watchers = new Map<string, Map<Want, OnValue>>();
  readonly #byAudience = new Map<string, Set<OpenWatch<Client>>>();
  readonly #stop: readonly (() => void)[];

  constructor(provider: Provider<Client>) {
    this.#provider = provider;
    this.#stop = [
      provider.resources.onChange((changes) => {
        for (const { key, after } of changes)
          for (const [want, onValue] of this.#watchers.get(key) ?? []) onValue(want, after);
      }),
      provider.audiences.onChange((changes) => {
        for (const { key } of changes)
          for (const watch of this.#byAudience.get(key) ?? []) this.#rekey(watch);
      }),
    ];
  }

  open(client: Client, onValue: OnValue): Watch {
    const watch: OpenWatch<Client> = { client, keys: new Map(), onValue };
    const audience = this.#provider.audienceKeyOf(client);
    const alike = this.#byAudience.get(audience) ?? new Set();
    this.#byAudience.set(audience, alike.add(watch));
    return {
      watch: (want) => {
        want.current = this.#add(watch, want, this.#provider.keyOf(client, want));
      },
      unwatch: (want) => this.#remove(watch, want),
      close: () => {
        alike.delete(watch);
        if (alike.size === 0) this.#byAudience.delete(audience);
      },
    };
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  /** What is asked for under other keys now is what counts; what was sent stays with the client until that is known. */
  #rekey(watch: OpenWatch<Client>): void {
    const keyNow = (want: Want) => this.#provider.keyOf(watch.client, want);
    const moved = [...watch.keys].flatMap(([want, before]) => (keyNow(want) === before ? [] : [want]));
    for (const want of moved) {
      this.#remove(watch, want);
      watch.onValue(want, this.#add(watch, want, keyNow(want)));
    }
  }

  #add(watch: OpenWatch<Client>, want: Want, key: string): Resource | Absent | undefined {
    watch.keys.set(want, key);
    const watchers = this.#watchers.get(key) ?? new Map<Want, OnValue>();
    this.#watchers.set(key, watchers.set(want, watch.onValue));
    this.#provider.resources.retain(key);
    return this.#provider.resources.get(key);
  }

  #remove({ keys }: OpenWatch<Client>, want: Want): void {
    const key = keys.get(want);
    if (key === undefined) return;
    keys.delete(want);
    const watchers = this.#watchers.get(key);
    watchers?.delete(want);
    if (watchers?.size === 0) this.#watchers.delete(key);
    this.#provider.resources.release(key);
  }
}
