// What stands in for images on this machine: a file among the user's, that no API server gets to see.
import { basename, dirname, resolve } from "node:path";
import type { ImageStandIn } from "#model/image-stand-in.ts";
import type { Problem } from "#model/reference.ts";
import { formatField } from "../schema/field-path.ts";
import type { Finding } from "../schema/finding.ts";
import type { Schema } from "../schema/schema.ts";
import { checkStructure } from "../schema/structure.ts";
import type { ParsedFile } from "./parse-file.ts";
import { fieldLines, parseDocument } from "./yaml.ts";

export const IMAGE_FILE = "heddle-images.yaml";

export function isImageFile(path: string): boolean {
  return basename(path) === IMAGE_FILE;
}

const words: Schema = { type: "array", items: { type: "string" } };
const schema: Schema = {
  type: "object",
  values: {
    type: "object",
    properties: {
      entrypoint: words,
      cmd: words,
      env: { type: "object", values: { type: "string" } },
      workingDir: { type: "string" },
    },
  },
};

/** Reads such a file. While something in it is wrong, what it said before (`previous`) stays. */
export function parseImageFile(path: string, text: string, previous: ParsedFile | undefined): ParsedFile {
  const file = { path, text, objects: new Map(), documents: new Map() };
  const wrong = (problems: readonly Problem[]): ParsedFile => ({
    ...file,
    standIns: previous?.standIns ?? [],
    problems: problems.map((problem) => ({ ...problem, file: path })),
  });
  const parsed = parseDocument(text);
  if (parsed.kind === "broken")
    return wrong([
      {
        severity: "error",
        message: `this is no valid YAML: ${parsed.reason}; the stand-ins stay as they were until it is corrected`,
        line: parsed.line,
      },
    ]);
  const value = parsed.value ?? {};
  const findings = checkStructure(value, schema, { definitions: {}, quoteValues: true });
  if (findings.length > 0) return wrong(findings.map((finding) => problemOf(finding, text)));
  return { ...file, standIns: standInsIn(value as Written, dirname(resolve(path))), problems: [] };
}

type Written = Readonly<Record<string, Omit<Partial<ImageStandIn>, "image">>>;

function standInsIn(written: Written, directory: string): readonly ImageStandIn[] {
  return Object.entries(written).map(([image, { workingDir = ".", ...others }]) => ({
    ...others,
    image,
    workingDir: resolve(directory, workingDir),
  }));
}

function problemOf({ severity, message, path }: Finding, text: string): Problem {
  const field = path.length === 0 ? {} : { field: formatField(path) };
  return { severity, message, ...field, line: fieldLines(text)(path) };
}
