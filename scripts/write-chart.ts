// Writes charts/heddle anew from src/install, after a change there.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chartFiles } from "#install/chart.ts";

const root = join(import.meta.dirname, "..");
const chart = join(root, "charts", "heddle");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
};

rmSync(chart, { recursive: true, force: true });
for (const [path, text] of chartFiles(version)) {
  mkdirSync(dirname(join(chart, path)), { recursive: true });
  writeFileSync(join(chart, path), text);
}
