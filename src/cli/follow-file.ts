import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;

/** Prints a file, or its last lines, and gives the position behind it. A file that does not exist is empty. */
export async function printFile(path: string, lastLines: number | undefined): Promise<number> {
  const content = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = content.toString().split("\n");
  const shown = lastLines === undefined ? content : lines.slice(-lastLines - 1).join("\n");
  process.stdout.write(shown);
  return content.length;
}

/** Prints what is added to a file, for ever. One that has become shorter was begun anew. */
export async function follow(path: string, from: number): Promise<never> {
  let position = from;
  for (;;) {
    await sleep(POLL_MS);
    const file = await open(path).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const { size } = await file.stat();
      if (size < position) position = 0;
      if (size === position) continue;
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(size - position),
        0,
        size - position,
        position,
      );
      process.stdout.write(buffer.subarray(0, bytesRead));
      position += bytesRead;
    } finally {
      await file.close();
    }
  }
}
