import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

const CURRENT = "..data";

/**
 * Puts files into a directory all at once, as the kubelet does: each name is a link through `..data`, which is
 * replaced in one step. Whoever watches the directory sees the old files or the new ones, never a mixture.
 */
export function writeAtomically(directory: string, files: ReadonlyMap<string, Buffer>, mode: number): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const previous = currentVersion(directory);
  const version = `..${Date.now()}.${process.hrtime.bigint()}`;
  mkdirSync(join(directory, version), { mode: 0o755 });
  for (const [path, data] of files) {
    const file = join(directory, version, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
    chmodSync(file, mode);
  }
  symlinkSync(version, join(directory, `${CURRENT}_new`));
  renameSync(join(directory, `${CURRENT}_new`), join(directory, CURRENT));
  linkNames(directory, new Set([...files.keys()].map((path) => path.split("/")[0] ?? path)));
  if (previous !== undefined) rmSync(join(directory, previous), { recursive: true, force: true });
}

function currentVersion(directory: string): string | undefined {
  try {
    return readlinkSync(join(directory, CURRENT));
  } catch {
    return undefined;
  }
}

function linkNames(directory: string, names: ReadonlySet<string>): void {
  const present = new Set(readdirSync(directory).filter((name) => !name.startsWith("..")));
  for (const name of names) if (!present.has(name)) symlinkSync(join(CURRENT, name), join(directory, name));
  for (const name of present) if (!names.has(name)) rmSync(join(directory, name));
}
