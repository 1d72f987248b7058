// A Dockerfile in, layers and a configuration out, without a daemon: what `docker load` and containerd import.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { architecture, type ImageDescription, readDockerfile, type Step } from "./dockerfile.ts";
import { addBase, addPackage } from "./programs.ts";

export interface Image {
  /** Names with tags. */
  readonly names: readonly string[];
  /** The digest of the configuration, which names all of the content. */
  readonly id: string;
  readonly config: string;
  /** Paths of archives, the lowest first. */
  readonly layers: readonly string[];
}

const CACHE = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "heddle/images");

/** Builds an image from a Dockerfile whose context is the current directory. */
export function buildImage(dockerfile: string, names: readonly string[]): Promise<Image> {
  return buildDescribed(readDockerfile(dockerfile), names);
}

/** Builds an image as a Dockerfile would say it. */
export async function buildDescribed(
  description: ImageDescription,
  names: readonly string[],
): Promise<Image> {
  const layers: Layer[] = [];
  for (const step of description.steps) layers.push(await layerOf(step));
  const config = JSON.stringify(configuration(description, layers));
  return { names, id: sha256(config), config, layers: layers.map(({ file }) => file) };
}

interface Layer {
  readonly file: string;
  readonly digest: string;
}

function configuration(description: ImageDescription, layers: readonly Layer[]): object {
  const { user, entrypoint, command, environment = {}, workingDirectory } = description;
  return {
    architecture,
    os: "linux",
    config: {
      User: user,
      Env: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      ],
      ...(workingDirectory === undefined ? {} : { WorkingDir: workingDirectory }),
      Entrypoint: entrypoint,
      Cmd: command,
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
  };
}

/** Layers are made once for what they are made of; those of programs as long as the programs are the same. */
async function layerOf(step: Step): Promise<Layer> {
  const key = sha256(`${JSON.stringify(step)} ${sourceState(step)}`).slice(0, 32);
  const file = join(CACHE, `${key}.tar`);
  if (!existsSync(`${file}.sha256`)) {
    mkdirSync(CACHE, { recursive: true });
    const work = mkdtempSync(join(tmpdir(), "heddle-image-"));
    await fill(join(work, "root"), step);
    pack(join(work, "root"), `${work}/layer.tar`);
    execFileSync("mv", [`${work}/layer.tar`, file]);
    writeFileSync(`${file}.sha256.new`, execFileSync("sha256sum", [file], { encoding: "utf8" }).slice(0, 64));
    renameSync(`${file}.sha256.new`, `${file}.sha256`);
    rmSync(work, { recursive: true });
  }
  const now = new Date();
  utimesSync(file, now, now);
  return { file, digest: readFileSync(`${file}.sha256`, "utf8") };
}

/** Removes the layers that no image has used for a day: every change of a program makes one. */
export function forgetOldLayers(): void {
  const yesterday = Date.now() - 24 * 60 * 60 * 1000;
  for (const name of readdirSync(CACHE).filter((entry) => entry.endsWith(".tar"))) {
    const file = join(CACHE, name);
    if (statSync(file).mtimeMs > yesterday) continue;
    rmSync(`${file}.sha256`, { force: true });
    rmSync(file);
  }
}

async function fill(root: string, step: Step): Promise<void> {
  mkdirSync(root);
  if (step.kind === "from") await addBase(root, step.image);
  else if (step.kind === "install") for (const name of step.packages) addPackage(root, name);
  else cpSync(step.source, join(root, step.target), { recursive: true });
}

/** What tells whether a layer is to be made anew. */
function sourceState(step: Step): string {
  if (step.kind === "copy") return treeDigest(step.source);
  const database = statSync("/var/lib/dpkg/status", { throwIfNoEntry: false });
  const { size, mtimeMs } = statSync(process.execPath);
  const recipe = sha256(readFileSync(join(import.meta.dirname, "programs.ts"), "utf8"));
  return `${database?.mtimeMs} ${size} ${mtimeMs} ${recipe}`;
}

function treeDigest(directory: string): string {
  const script = "find . -type f -print0 | sort -z | xargs -0 sha256sum";
  return sha256(execFileSync("sh", ["-c", script], { cwd: directory, encoding: "utf8" }));
}

/** The same tree gives the same archive. */
function pack(directory: string, file: string): void {
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  execFileSync("tar", [...same, "-C", directory, "-cf", file, "."]);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Writes images into one archive, each layer once, as `docker load` and `ctr images import` read it. */
export function writeArchive(images: readonly Image[], file: string): void {
  const work = mkdtempSync(join(tmpdir(), "heddle-image-"));
  const nameOf = (layer: string): string => layer.slice(CACHE.length + 1);
  const manifest = images.map(({ names, id, layers }) => ({
    Config: `${id}.json`,
    RepoTags: names,
    Layers: layers.map(nameOf),
  }));
  writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
  for (const { id, config } of images) writeFileSync(join(work, `${id}.json`), config);
  const layers = [...new Set(images.flatMap((image) => image.layers.map(nameOf)))];
  const configs = [...new Set(images.map(({ id }) => `${id}.json`))];
  execFileSync("tar", ["-cf", file, "-C", work, "manifest.json", ...configs, "-C", CACHE, ...layers]);
  rmSync(work, { recursive: true });
}
