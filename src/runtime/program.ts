// Heddle's programs that run as processes of their own.
import { basename, extname, join } from "node:path";

/** The file of a program: its TypeScript (`local/supervisor-main` is below src/), or in a bundle the one beside it. */
export function programFile(path: string): string {
  return extname(import.meta.filename) === ".js"
    ? join(import.meta.dirname, `${basename(path)}.js`)
    : join(import.meta.dirname, "..", `${path}.ts`);
}
