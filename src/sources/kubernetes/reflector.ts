// Keeps a picture of one collection of the API server: lists it, then watches it from there on. What it has stays as it
// is while the server is away. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
//
// Lists are paged rather than streamed (`sendInitialEvents`): every server can page, and only those on etcd 3.4.31 and
// later can stream, so that there would be two ways to do one thing.
import { setTimeout as delay } from "node:timers/promises";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";

/** An object as the server has it. */
export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
  };
}

/** What to follow, and where it goes. `T` is what is kept of an object: a picture holds no more than that. */
export interface Reflection<T> {
  /** The path of the collection; asked before each list, for the version that a server has of a kind may change. */
  readonly path: () => Promise<string>;
  readonly query?: Readonly<Record<string, string>>;
  readonly metadataOnly?: boolean;
  readonly keep: (object: StoredObject, key: string) => T;
  /** All that there is, by `namespace/name`. */
  readonly replace: (objects: ReadonlyMap<string, T>) => void;
  /** One object; `undefined` when it is gone. */
  readonly change: (key: string, object: T | undefined) => void;
  /** Each time that the picture is up to date again, and each time that it may not be: with the error. */
  readonly onState: (error: Error | undefined) => void;
}

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly StoredObject[] | null;
}

const pageSize = 500;
const firstDelayMs = 200;
const longestDelayMs = 10_000;
/** A watch that lived for this long was good, and the next failure is a new one. */
const goodWatchMs = 5_000;

/** Follows a collection until `signal` aborts. Errors of the server are told, and tried again with a growing delay. */
export async function reflect<T>(
  client: KubernetesClient,
  reflection: Reflection<T>,
  signal: AbortSignal,
): Promise<void> {
  const follower = new Follower(client, reflection, signal);
  let failures = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      await follower.step();
      if (performance.now() - begun > goodWatchMs) failures = 0;
      else await pause(failures++, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (performance.now() - begun > goodWatchMs) failures = 0;
      const expired = follower.recover(error as Error);
      // That a version has expired is no fault; the list that follows shows whether there is one.
      if (!expired) reflection.onState(error as Error);
      if (!expired || failures > 0) await pause(failures, signal);
      failures++;
    }
  }
}

function pause(failures: number, signal: AbortSignal): Promise<void> {
  return delay(backoff(failures), undefined, { signal }).catch(() => {});
}

/** Between half and all of a delay that doubles: those who were thrown out together do not come back together. */
export function backoff(failures: number, random = Math.random()): number {
  return Math.min(firstDelayMs * 2 ** failures, longestDelayMs) * (0.5 + random / 2);
}

/** Where a collection has been followed to. */
class Follower<T> {
  readonly #client: KubernetesClient;
  readonly #reflection: Reflection<T>;
  readonly #signal: AbortSignal;
  #path = "";
  /** Undefined while only a list can tell what is there. */
  #version: string | undefined;
  #pageSize: number | undefined = pageSize;

  constructor(client: KubernetesClient, reflection: Reflection<T>, signal: AbortSignal) {
    this.#client = client;
    this.#reflection = reflection;
    this.#signal = signal;
  }

  /** Lists if need be, then watches until the server ends it, which it does every few minutes. */
  async step(): Promise<void> {
    this.#version ??= await this.#list();
    await this.#watch();
  }

  /** Prepares for the next step after an error; true if the version that was reached is of no use any more. */
  recover(error: Error): boolean {
    const isListing = this.#version === undefined;
    // A list of many pages may take longer than the server keeps its version: then all in one.
    if (isExpired(error) && isListing) this.#pageSize = undefined;
    // 404: the server does not have this version of the kind any more.
    if (isExpired(error) || statusOf(error) === 404) this.#version = undefined;
    return isExpired(error) && !isListing;
  }

  async #list(): Promise<string> {
    const { keep, replace, query, metadataOnly, onState, path } = this.#reflection;
    this.#path = await path();
    const objects = new Map<string, T>();
    let page: ListPage | undefined;
    do {
      page = await this.#client.request<ListPage>("GET", this.#path, {
        query: {
          ...query,
          ...(this.#pageSize === undefined ? {} : { limit: String(this.#pageSize) }),
          ...(page?.metadata.continue === undefined ? {} : { continue: page.metadata.continue }),
        },
        ...(metadataOnly === undefined ? {} : { metadataOnly }),
        signal: this.#signal,
      });
      for (const object of page.items ?? []) objects.set(keyOf(object), keep(object, keyOf(object)));
    } while ((page.metadata.continue ?? "") !== "");
    this.#pageSize = pageSize;
    this.#signal.throwIfAborted();
    replace(objects);
    onState(undefined);
    return page.metadata.resourceVersion;
  }

  async #watch(): Promise<void> {
    const { keep, change, query, metadataOnly, onState } = this.#reflection;
    const events = await this.#client.watch<StoredObject>(this.#path, {
      query: {
        ...query,
        resourceVersion: this.#version ?? "",
        allowWatchBookmarks: "true",
        // Between five and ten minutes, so that watches spread over the replicas of the server.
        timeoutSeconds: String(Math.round(300 * (1 + Math.random()))),
      },
      ...(metadataOnly === undefined ? {} : { metadataOnly }),
      signal: this.#signal,
    });
    onState(undefined);
    for await (const event of events) {
      this.#signal.throwIfAborted();
      const { resourceVersion } = event.object.metadata;
      // Versions grow. Where they do not, the server's data were restored, and only a list tells what is there.
      if (this.#version !== undefined && isOlder(resourceVersion, this.#version)) {
        throw new KubernetesError(410, "Expired", `version ${resourceVersion} came after ${this.#version}`);
      }
      if (event.type !== "BOOKMARK") {
        const key = keyOf(event.object);
        change(key, event.type === "DELETED" ? undefined : keep(event.object, key));
      }
      this.#version = resourceVersion;
    }
  }
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-version-comparability */
function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}

function statusOf(error: Error): number | undefined {
  return error instanceof KubernetesError ? error.status : undefined;
}

function isExpired(error: Error): boolean {
  return (
    error instanceof KubernetesError &&
    (error.status === 410 || error.reason === "Expired" || error.reason === "Gone")
  );
}

function keyOf({ metadata }: StoredObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
