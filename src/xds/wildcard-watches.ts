// Which streams have subscribed to all that there is of a type.
import type { Provider } from "./provider.ts";

/** `Watcher` is whoever is told when the meaning of a wildcard changes. */
export class WildcardWatches<Client, Watcher> {
  readonly #provider: Pick<Provider<Client>, "wildcards" | "wildcardKeyOf">;
  /** By the provider's key, the type that each watcher has asked for. */
  readonly #watchers = new Map<string, Map<Watcher, string>>();
  readonly #stop: () => void;

  constructor(
    provider: Pick<Provider<Client>, "wildcards" | "wildcardKeyOf">,
    onChange: (watcher: Watcher, typeUrl: string) => void,
  ) {
    this.#provider = provider;
    this.#stop = provider.wildcards.onChange((changes) => {
      for (const { key } of changes)
        for (const [watcher, typeUrl] of this.#watchers.get(key) ?? []) onChange(watcher, typeUrl);
    });
  }

  watch(watcher: Watcher, client: Client, typeUrl: string): void {
    const key = this.#provider.wildcardKeyOf(client, typeUrl);
    const watchers = this.#watchers.get(key) ?? new Map<Watcher, string>();
    this.#watchers.set(key, watchers);
    if (watchers.has(watcher)) return;
    watchers.set(watcher, typeUrl);
    this.#provider.wildcards.retain(key);
  }

  unwatch(watcher: Watcher): void {
    for (const [key, watchers] of this.#watchers) {
      if (!watchers.delete(watcher)) continue;
      this.#provider.wildcards.release(key);
      if (watchers.size === 0) this.#watchers.delete(key);
    }
  }

  close(): void {
    this.#stop();
  }
}
