// What a stream is given, and what it needs of the server that it belongs to.
import type { Provider, ResourceName } from "./provider.ts";
import type { Rejection } from "./rejection.ts";
import type { Interest } from "./subscription.ts";
import type { Watch } from "./watches.ts";

/** One request of the client, decoded. */
export interface Request extends Interest {
  readonly typeUrl: string;
  /** Empty unless it answers a response. */
  readonly nonce: string;
  /** Why the response was rejected, if it was. */
  readonly error: string | undefined;
}

/** Where responses go. */
export interface Transport {
  /** Returns false when no more should be sent until `Stream.drained` is called. */
  send(response: Buffer): boolean;
}

/** What a stream needs of the server that it belongs to. */
export interface StreamOptions {
  readonly transport: Transport;
  readonly watch: Watch;
  /** The names that a wildcard subscription of the type means; `undefined` while not known. */
  wildcardNames(typeUrl: string): readonly string[] | undefined;
  watchWildcard(typeUrl: string): void;
  /** Names that are sent ahead, because the workload used them before. */
  learned(): readonly ResourceName[];
  /** Called with names that the client asked for on demand. */
  used(names: readonly ResourceName[]): void;
  rejected(rejection: Rejection): void;
  readonly substitute: Provider<unknown>["substitute"];
  readonly mayKeep: NonNullable<Provider<unknown>["mayKeep"]>;
  /** How many names are kept, per type, that were sent ahead unasked or do not exist; what exists and was asked for stays. */
  readonly onDemandLimit: number;
  /** How long removals of clusters wait, after a reconnection, for the client to say what it still uses. */
  readonly reconnectGraceMs: number;
}
