// A few objects, followed as they change: for single objects and small selections that somebody keeps in order.
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject } from "#model/kubernetes/object.ts";
import { type KubernetesClient, KubernetesError, pathOf } from "./client.ts";

/** Which objects. */
export interface Selection {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  /** `metadata.name=…` */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface Follower {
  /** What there is now, and each change of it; `undefined` for one that has gone. `key` is `Kind namespace/name`. */
  changed(key: string, object: KubernetesObject | undefined): void;
  /** All that there was at first has been told. */
  synced?(): void;
  onFailure(error: unknown): void;
}

const firstRetryMs = 500;
const lastRetryMs = 30_000;
/** A kind that the cluster does not have may come later. */
const lookAgainMs = 30_000;

/** The key under which an object is told of. */
export function keyOfObject({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}

/** Follows the objects until the signal aborts, whatever the API server does. */
export function followObjects(
  client: Pick<KubernetesClient, "request" | "watch" | "resourceOf">,
  selection: Selection,
  follower: Follower,
  signal: AbortSignal,
): void {
  const following = new Following(client, selection, follower, signal);
  void following.run();
}

interface Listed {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly KubernetesObject[];
}

class Following {
  readonly #client: Parameters<typeof followObjects>[0];
  readonly #selection: Selection;
  readonly #follower: Follower;
  readonly #signal: AbortSignal;
  /** Keys of what is there. */
  #known = new Set<string>();

  constructor(...[client, selection, follower, signal]: Parameters<typeof followObjects>) {
    this.#client = client;
    this.#selection = selection;
    this.#follower = follower;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    for (let failures = 0; !this.#signal.aborted; ) {
      try {
        const resourceVersion = await this.#list();
        failures = 0;
        if (resourceVersion === undefined) await this.#pause(lookAgainMs);
        else await this.#watch(resourceVersion);
      } catch (error) {
        if (this.#signal.aborted) return;
        // Too old a version is no failure: everything is listed anew.
        if (error instanceof KubernetesError && error.status === 410) continue;
        this.#follower.onFailure(error);
        await this.#pause(Math.min(firstRetryMs * 2 ** failures++, lastRetryMs) * (0.75 + Math.random() / 2));
      }
    }
  }

  /** Lists everything and returns the version to watch from; undefined if the cluster does not have the kind. */
  async #list(): Promise<string | undefined> {
    const path = await this.#path();
    const { metadata, items } =
      path === undefined
        ? { metadata: undefined, items: [] }
        : await this.#client.request<Listed>("GET", path, { query: this.#query(), signal: this.#signal });
    const before = this.#known;
    this.#known = new Set();
    for (const item of items) this.#take(item);
    for (const key of before) if (!this.#known.has(key)) this.#follower.changed(key, undefined);
    this.#follower.synced?.();
    return metadata?.resourceVersion;
  }

  async #watch(from: string): Promise<void> {
    const path = await this.#path();
    let resourceVersion = from;
    while (path !== undefined && !this.#signal.aborted) {
      const query = { ...this.#query(), resourceVersion, allowWatchBookmarks: "true" };
      const begun = performance.now();
      for await (const event of this.#client.watch<KubernetesObject>(path, query, this.#signal)) {
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.type === "DELETED") this.#gone(event.object);
        else if (event.type !== "BOOKMARK") this.#take(event.object);
      }
      // A server that ends watches at once, as one does that is about to stop, is not asked without a pause.
      if (performance.now() - begun < firstRetryMs) await this.#pause(firstRetryMs);
    }
  }

  #take(object: KubernetesObject): void {
    const whole = this.#named(object);
    this.#known.add(keyOfObject(whole));
    this.#follower.changed(keyOfObject(whole), whole);
  }

  #gone(object: KubernetesObject): void {
    const key = keyOfObject(this.#named(object));
    this.#known.delete(key);
    this.#follower.changed(key, undefined);
  }

  /** Items of a list do not say what kind they are. */
  #named(object: KubernetesObject): KubernetesObject {
    const { apiVersion, kind } = this.#selection;
    return { ...object, apiVersion, kind };
  }

  async #path(): Promise<string | undefined> {
    const { apiVersion, kind, namespace } = this.#selection;
    const resource = await this.#client.resourceOf(apiVersion, kind);
    return resource === undefined
      ? undefined
      : pathOf(resource, namespace === undefined ? {} : { namespace });
  }

  #query(): Record<string, string> {
    const { fieldSelector, labelSelector } = this.#selection;
    return {
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#signal, ref: false }).catch(() => {});
  }
}
