// The part of the Dockerfile language that the files in images/ are written in.
import { readFileSync } from "node:fs";

/** What an image is made of, one layer for each step. */
export type Step =
  | { readonly kind: "from"; readonly image: string }
  | { readonly kind: "install"; readonly packages: readonly string[] }
  | { readonly kind: "copy"; readonly source: string; readonly target: string };

export interface ImageDescription {
  readonly steps: readonly Step[];
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
}

/** What Docker calls this kind of machine. */
export const architecture = dockerArchitecture(process.arch);

/** What Docker calls a kind of machine that Node names. */
export function dockerArchitecture(machine: string): string {
  return machine === "x64" ? "amd64" : machine;
}

/** Reads a Dockerfile; throws for what it does not know, so that no image differs from what Docker would make. */
export function readDockerfile(file: string): ImageDescription {
  let description: ImageDescription = { steps: [], user: "", entrypoint: [], command: [] };
  const lines = readFileSync(file, "utf8").split("\n");
  for (const line of lines.filter((text) => text.trim() !== "" && !text.startsWith("#"))) {
    description = { ...description, ...instruction(line, description.steps, file) };
  }
  return description;
}

function instruction(line: string, steps: readonly Step[], file: string): Partial<ImageDescription> {
  const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
  const packages = /apt-get install((?: --?[\w-]+)*)((?: [a-z][\w.-]*)+)/.exec(rest)?.[2];
  const [source = "", target = ""] = rest.replaceAll("$TARGETARCH", architecture).split(" ");
  if (name === "FROM") return { steps: [...steps, { kind: "from", image: rest }] };
  if (name === "RUN" && packages !== undefined)
    return { steps: [...steps, { kind: "install", packages: packages.trim().split(" ") }] };
  if (name === "COPY") return { steps: [...steps, { kind: "copy", source, target }] };
  if (name === "ARG" && rest === "TARGETARCH") return {};
  if (name === "USER") return { user: rest };
  if (name === "ENTRYPOINT") return { entrypoint: JSON.parse(rest) as string[] };
  if (name === "CMD") return { command: JSON.parse(rest) as string[] };
  throw new Error(`${file}: images are built without Docker here, and this is not understood: ${line}`);
}
