import type { Origin } from "#model/reference.ts";

/** A resource that the client would not take. It is kept back until it changes. */
export interface Rejection {
  readonly typeUrl: string;
  readonly name: string;
  /** The client's words. */
  readonly message: string;
  readonly origins: readonly Origin[];
  /** The versions that were refused: of the resource, and of what was sent in its stead. */
  readonly versions: ReadonlySet<string>;
}
