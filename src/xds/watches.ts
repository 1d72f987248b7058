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

/** Who waits for one key. Each want refers to this, so that the long text of a key is there once. */
interface Watchers {
  readonly key: string;
  readonly wants: Map<Want, OnValue>;
}

interface OpenWatch<Client> {
  readonly client: Client;
  readonly watched: Map<Want, Watchers>;
  readonly onValue: OnValue;
}

/** The watches of all streams. */
export class Watches<Client> {
  readonly #provider: Provider<Client>;
  readonly #watchers = new Map<string, Watchers>();
  readonly #byAudience = new Map<string, Set<OpenWatch<Client>>>();
  readonly #stop: readonly (() => void)[];

  constructor(provider: Provider<Client>) {
    this.#provider = provider;
    this.#stop = [
      provider.resources.onChange((changes) => {
        for (const { key, after } of changes)
          for (const [want, onValue] of this.#watchers.get(key)?.wants ?? []) onValue(want, after);
      }),
      provider.audiences.onChange((changes) => {
        for (const { key } of changes)
          for (const watch of this.#byAudience.get(key) ?? []) this.#rekey(watch);
      }),
    ];
  }

  open(client: Client, onValue: OnValue): Watch {
    const watch: OpenWatch<Client> = { client, watched: new Map(), onValue };
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
    const moved = [...watch.watched].flatMap(([want, { key }]) => (keyNow(want) === key ? [] : [want]));
    for (const want of moved) {
      this.#remove(watch, want);
      watch.onValue(want, this.#add(watch, want, keyNow(want)));
    }
  }

  #add(watch: OpenWatch<Client>, want: Want, key: string): Resource | Absent | undefined {
    let watchers = this.#watchers.get(key);
    if (watchers === undefined) {
      watchers = { key, wants: new Map() };
      this.#watchers.set(key, watchers);
    }
    watchers.wants.set(want, watch.onValue);
    watch.watched.set(want, watchers);
    this.#provider.resources.retain(key);
    return this.#provider.resources.get(key);
  }

  #remove({ watched }: OpenWatch<Client>, want: Want): void {
    const watchers = watched.get(want);
    if (watchers === undefined) return;
    watched.delete(want);
    watchers.wants.delete(want);
    if (watchers.wants.size === 0) this.#watchers.delete(watchers.key);
    this.#provider.resources.release(watchers.key);
  }
}
