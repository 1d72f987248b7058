import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * The files of a directory of secrets, which is made on first use with what `make` returns. Two processes may do so
 * at once: the directory appears whole by a rename, and both read the one that came first.
 * Directories are 0700 and files 0600. Throws what the file system throws.
 */
export async function openSecrets(
  directory: string,
  make: () => Promise<Readonly<Record<string, string>>>,
): Promise<ReadonlyMap<string, string>> {
  const existing = await readSecrets(directory);
  if (existing.size > 0) return existing;
  await publish(directory, await make());
  return readSecrets(directory);
}

async function readSecrets(directory: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const files = new Map<string, string>();
  for (const name of names) files.set(name, await readFile(join(directory, name), "utf8"));
  return files;
}

async function publish(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o711 });
  const draft = await mkdtemp(join(dirname(directory), `.${basename(directory)}-`));
  try {
    await chmod(draft, 0o700);
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(draft, name), text, { mode: 0o600, flush: true });
    }
    await rename(draft, directory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!hasCode(error, "ENOTEMPTY") && !hasCode(error, "EEXIST")) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
