import { inspect } from "node:util";

const redacted = "[private]";

/** A secret text that no log, dump or error message shows; only `reveal` gives it. */
export class PrivateText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
