import { readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const LIMIT_BYTES = 16 * 1024 * 1024;
const KEPT_BYTES = 1024 * 1024;
const LOOK_MS = 10_000;

/** Keeps the logs of a mesh from filling the disk: of a long one only the end stays. Containers append to their files. */
export function limitLogs(directory: string): { stop(): void } {
  const timer = setInterval(() => {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (size > LIMIT_BYTES) void shorten(path, size).catch(() => {}); // Gone meanwhile, or tried again soon.
    }
  }, LOOK_MS);
  return { stop: () => clearInterval(timer) };
}

async function shorten(path: string, size: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(KEPT_BYTES), 0, KEPT_BYTES, size - KEPT_BYTES);
    await file.truncate(0);
    await file.write(buffer, 0, bytesRead, 0);
  } finally {
    await file.close();
  }
}
