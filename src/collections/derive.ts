import type { Fetch, Single } from "./collection.ts";
import type { StageKind } from "./stage.ts";
import { Store } from "./store.ts";

/** One input to at most one output, under the same key. */
export function oneToOne<I, O>(
  from: Store<I>,
  into: Store<O>,
  fn: (input: I, fetch: Fetch, key: string) => O | undefined,
): StageKind<O | undefined> {
  return {
    wanted: (key) => from.get(key) !== undefined,
    compute: (key, fetch) => fn(present(from, key), fetch, key),
    put: (key, result) => into.write(key, result),
  };
}

/** One input to many outputs under their own keys; of two inputs that make one key, the one that sorts first wins. */
export function oneToMany<I, O>(
  from: Store<I>,
  into: Store<O>,
  fn: (input: I, fetch: Fetch, key: string) => Iterable<readonly [string, O]>,
): StageKind<ReadonlyMap<string, O>> {
  const made = new Map<string, ReadonlyMap<string, O>>();
  const makers = new Map<string, Set<string>>();
  const publish = (output: string): void => {
    const winner = first(makers.get(output));
    into.write(output, winner === undefined ? undefined : made.get(winner)?.get(output));
  };
  return {
    wanted: (key) => from.get(key) !== undefined,
    compute: (key, fetch) => {
      const outputs = new Map<string, O>();
      for (const [output, value] of fn(present(from, key), fetch, key))
        if (!outputs.has(output)) outputs.set(output, value);
      return outputs;
    },
    put: (key, result) => {
      const before = made.get(key);
      if (result === undefined) made.delete(key);
      else made.set(key, result);
      for (const output of before?.keys() ?? []) {
        if (result?.has(output)) continue;
        const claims = makers.get(output);
        claims?.delete(key);
        if (claims?.size === 0) makers.delete(output);
        publish(output);
      }
      for (const output of result?.keys() ?? []) {
        const claims = makers.get(output);
        if (claims === undefined) makers.set(output, new Set([key]));
        else claims.add(key);
        publish(output);
      }
    },
  };
}

/** The items of several collections; under a key that several have, that of the first. */
export function firstOf<T>(from: readonly Store<T>[], into: Store<T>): StageKind<T | undefined> {
  const find = (key: string): T | undefined => from.find((store) => store.get(key) !== undefined)?.get(key);
  return {
    wanted: (key) => find(key) !== undefined,
    compute: (key) => find(key),
    put: (key, result) => into.write(key, result),
  };
}

/** The store of a `Single`. */
export class SingleStore<O> extends Store<O> implements Single<O> {
  get value(): O | undefined {
    return this.get("");
  }
}

function present<I>(from: Store<I>, key: string): I {
  const input = from.get(key);
  if (input === undefined) throw new Error(`${from.name} has no ${key}`);
  return input;
}

function first(keys: Iterable<string> | undefined): string | undefined {
  let smallest: string | undefined;
  for (const key of keys ?? []) if (smallest === undefined || key < smallest) smallest = key;
  return smallest;
}
