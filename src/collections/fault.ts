/** A stage that threw: its collection keeps the last good output for that key. */
export interface Fault {
  readonly collection: string;
  readonly key: string;
  readonly error: unknown;
}
