// What one stream needs: the resources that were asked for, and what they refer to, transitively.
import type { Absent, Resource, ResourceName } from "./provider.ts";

/** One resource that a stream needs, or that its client still has. */
export interface Want extends ResourceName {
  /** How many times it was asked for or is referred to; 0 while the client merely still has it. */
  reasons: number;
  /** What it is now; `undefined` while that is not known. */
  current: Resource | Absent | undefined;
  /** What is on the way to the client, and what the client has accepted, as far as known. */
  sent: Resource | undefined;
  accepted: Resource | undefined;
  /** What those refer to. Of one version it is the resource's own list, which all streams share. */
  references: readonly ResourceName[];
}

/** What happens when a resource comes to be needed, or no longer is. `watch` sets `current` if it is known. */
export interface WantHooks {
  watch(want: Want): void;
  unwatch(want: Want): void;
}

const noReferences: Want["references"] = [];

/**
 * Counts references, so that what nothing needs can be taken away. A reference counts from the moment that the new
 * version of a resource is known until the client has accepted a version without it: clusters are there before the
 * routes that name them, and go after.
 */
export class Wants {
  readonly #hooks: WantHooks;
  readonly #byType = new Map<string, Map<string, Want>>();

  constructor(hooks: WantHooks) {
    this.#hooks = hooks;
  }

  get(typeUrl: string, name: string): Want | undefined {
    return this.#byType.get(typeUrl)?.get(name);
  }

  get size(): number {
    let size = 0;
    for (const wants of this.#byType.values()) size += wants.size;
    return size;
  }

  *all(): Iterable<Want> {
    for (const wants of this.#byType.values()) yield* wants.values();
  }

  /** Adds a reason to need it. */
  add({ typeUrl, name }: ResourceName): void {
    let wants = this.#byType.get(typeUrl);
    if (wants === undefined) {
      wants = new Map();
      this.#byType.set(typeUrl, wants);
    }
    let want = wants.get(name);
    if (want === undefined) {
      want = {
        typeUrl,
        name,
        reasons: 0,
        current: undefined,
        sent: undefined,
        accepted: undefined,
        references: noReferences,
      };
      wants.set(name, want);
    }
    want.reasons++;
    if (want.reasons > 1) return;
    this.#hooks.watch(want);
    this.recount(want);
  }

  /** Takes a reason back. */
  drop({ typeUrl, name }: ResourceName): void {
    const want = this.get(typeUrl, name);
    if (want === undefined || want.reasons === 0) throw new Error(`${typeUrl} ${name} is not wanted`);
    want.reasons--;
    if (want.reasons > 0) return;
    this.#hooks.unwatch(want);
    want.current = undefined;
    this.recount(want);
  }

  /** Counts the references of one resource anew; call it after its `current`, `sent` or `accepted` was changed. */
  recount(want: Want): void {
    const before = want.references;
    want.references = referencesOf(want);
    if (want.references !== before) this.#countReferences(before, want.references);
    if (want.reasons === 0 && want.sent === undefined && want.accepted === undefined)
      this.#byType.get(want.typeUrl)?.delete(want.name);
  }

  #countReferences(listBefore: Want["references"], listAfter: Want["references"]): void {
    const [before, after] = [byId(listBefore), byId(listAfter)];
    for (const [id, reference] of after) if (!before.has(id)) this.add(reference);
    for (const [id, reference] of before) if (!after.has(id)) this.drop(reference);
  }

  /** Stops needing everything, at the end of a stream. */
  clear(): void {
    for (const want of this.all()) if (want.reasons > 0) this.#hooks.unwatch(want);
    this.#byType.clear();
  }
}

function referencesOf({ current, sent, accepted }: Want): Want["references"] {
  let found = noReferences;
  for (const version of [current, sent, accepted]) {
    if (version?.kind !== "resource" || version.references.length === 0) continue;
    if (found.length === 0) found = version.references;
    else if (found !== version.references) found = [...byId([...found, ...version.references]).values()];
  }
  return found;
}

function byId(references: Want["references"]): ReadonlyMap<string, ResourceName> {
  return new Map(references.map((reference) => [`${reference.typeUrl} ${reference.name}`, reference]));
}
