import type { Readable } from "node:stream";
import { KubernetesError, type WatchEvent } from "./client.ts";

/** What a watch may say: an event, or that it is over and why. */
type Line<T> =
  | WatchEvent<T>
  | {
      readonly type: "ERROR";
      readonly object: { readonly code?: number; readonly reason?: string; readonly message?: string };
    };

/** The events in the body of a watch, one a line. `broken` puts the error of a connection into words. */
export async function* watchEvents<T>(
  body: Readable,
  broken: (error: Error) => Error,
): AsyncGenerator<WatchEvent<T>> {
  try {
    for await (const line of lines(body)) {
      const event = JSON.parse(line) as Line<T>;
      if (event.type === "ERROR") {
        const { code = 0, reason = "", message = "the watch failed" } = event.object;
        throw new KubernetesError(code, reason, message);
      }
      yield event;
    }
  } catch (error) {
    throw broken(error as Error);
  }
}

const lineFeed = 10;

async function* lines(body: Readable): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      begun.push(chunk.subarray(from, end));
      yield Buffer.concat(begun).toString();
      begun = [];
      from = end + 1;
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
}
