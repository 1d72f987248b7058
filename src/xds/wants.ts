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
  references: ReadonlyMap<string, ResourceName>;
}

/** What happens when a resource comes to be needed, or no longer is. `watch` sets `current` if it is known. */
export interface WantHooks {
  watch(want: Want): void;
  unwatch(want: Want): void;
}

const noReferences: Want["references"] = new Map();

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
    if (before.size > 0 || refersToAnything(want)) this.#countReferences(want, before);
    if (want.reasons === 0 && want.sent === undefined && want.accepted === undefined)
      this.#byType.get(want.typeUrl)?.delete(want.name);
  }

  #countReferences(want: Want, before: Want["references"]): void {
    const after = new Map<string, ResourceName>();
    for (const version of [want.current, want.sent, want.accepted])
      if (version?.kind === "resource")
        for (const reference of version.references)
          after.set(`${reference.typeUrl} ${reference.name}`, reference);
    want.references = after;
    for (const [id, reference] of after) if (!before.has(id)) this.add(reference);
    for (const [id, reference] of before) if (!after.has(id)) this.drop(reference);
  }

  /** Stops needing everything, at the end of a stream. */
  clear(): void {
    for (const want of this.all()) if (want.reasons > 0) this.#hooks.unwatch(want);
    this.#byType.clear();
  }
}

function refersToAnything({ current, sent, accepted }: Want): boolean {
  return (
    (current?.kind === "resource" && current.references.length > 0) ||
    (sent !== undefined && sent.references.length > 0) ||
    (accepted !== undefined && accepted.references.length > 0)
  );
}
