import type { ImageStandIn } from "#model/image-stand-in.ts";
import type { KubernetesObject } from "#model/object.ts";
import { type ObjectReference, objectKey, type Problem } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import { type FieldPath, formatField } from "../schema/field-path.ts";
import type { Finding } from "../schema/finding.ts";
import { readObject } from "../schema/read-object.ts";
import { fieldLines, parseDocument, splitDocuments, type YamlDocument } from "./yaml.ts";

/** An object and where it stands. */
export interface LocatedObject {
  readonly kind: Kind;
  /** As collections have it. */
  readonly key: string;
  readonly value: KubernetesObject;
  readonly document: YamlDocument;
  /** Where in the document; not empty for an item of a List. */
  readonly path: FieldPath;
}

/** What one file says. */
export interface ParsedFile {
  readonly path: string;
  /** Undefined where there is no file, only something to say about the path. */
  readonly text: string | undefined;
  /** By `objectId`. */
  readonly objects: ReadonlyMap<string, LocatedObject>;
  /** Those of a file that is for them; it has no objects. */
  readonly standIns: readonly ImageStandIn[];
  readonly problems: readonly Problem[];
  /** What the documents said, by their text, so that an edit costs as much as what it changed. */
  readonly documents: ReadonlyMap<string, DocumentContent>;
}

/** Identifies an object among all kinds. */
export function objectId(kind: string, key: string): string {
  return `${kind} ${key}`;
}

/** What a document says, with lines counted from its own beginning. */
interface DocumentContent {
  readonly objects: readonly Omit<LocatedObject, "document">[];
  readonly problems: readonly Problem[];
  /** Objects that are there but wrong. */
  readonly refused: readonly ObjectReference[];
  /** It could not be parsed, so nobody knows what it says. */
  readonly broken: boolean;
}

/**
 * Reads a file of YAML or JSON. What is wrong in it is reported, and what the file said of that before (`previous`)
 * stays: an object that is refused keeps its last good version, and a document that does not parse keeps all.
 */
export function parseFile(path: string, text: string, previous: ParsedFile | undefined): ParsedFile {
  const documents = new Map<string, DocumentContent>();
  const objects = new Map<string, LocatedObject>();
  const problems: Problem[] = [];
  for (const document of splitDocuments(text)) {
    const known = documents.get(document.text) ?? previous?.documents.get(document.text);
    const content = known ?? readDocument(document.text, path.endsWith(".json"));
    documents.set(document.text, content);
    for (const problem of content.problems) {
      problems.push({ ...problem, file: path, line: (problem.line ?? 1) + document.line - 1 });
    }
    for (const object of content.objects) {
      const located = { ...object, document };
      const first = objects.get(objectId(object.kind, object.key));
      if (first === undefined) objects.set(objectId(object.kind, object.key), located);
      else problems.push(duplicateInFile(path, located, first));
    }
  }
  const kept = previous === undefined ? [] : keptObjects(previous, [...documents.values()]);
  for (const object of kept) {
    const id = objectId(object.kind, object.key);
    if (!objects.has(id)) objects.set(id, object);
  }
  return { path, text, objects, standIns: [], problems, documents };
}

function keptObjects(previous: ParsedFile, documents: readonly DocumentContent[]): readonly LocatedObject[] {
  if (documents.some((document) => document.broken)) return [...previous.objects.values()];
  return documents.flatMap((document) =>
    document.refused.flatMap(
      (reference) => previous.objects.get(objectId(reference.kind, objectKey(reference))) ?? [],
    ),
  );
}

function readDocument(text: string, isJson: boolean): DocumentContent {
  const parsed = parseDocument(text);
  if (parsed.kind === "broken") {
    const isTemplate = /\{\{.*\}\}/u.test(text);
    const reason = isTemplate ? "it is a template; render it first, as by helm template" : parsed.reason;
    const message = `${isJson ? "this is no valid JSON" : "this is no valid YAML"}: ${reason}; the objects of this file stay as they were until it is corrected`;
    return {
      objects: [],
      problems: [{ severity: "error", message, line: parsed.line }],
      refused: [],
      broken: true,
    };
  }
  const values = itemsOf(parsed.value, isJson);
  for (const { value } of values) dropStatus(value);
  const read = values.map(({ value, path }) => ({ path, ...readObject(value) }));
  const lineOf = read.some(({ findings }) => findings.length > 0) ? fieldLines(text) : () => 1;
  return {
    objects: read.flatMap(({ object, path }) =>
      object === undefined ? [] : [{ ...object, key: objectKey(object.value.metadata), path }],
    ),
    problems: read.flatMap(({ findings, path, reference }) =>
      findings.map((finding) => problemOf(finding, reference, lineOf([...path, ...finding.path]))),
    ),
    refused: read.flatMap(({ object, reference }) =>
      object === undefined && reference !== undefined ? [reference] : [],
    ),
    broken: false,
  };
}

/** What a cluster said of an object does not describe what happens here. */
function dropStatus(value: unknown): void {
  if (typeof value === "object" && value !== null) delete (value as { status?: unknown }).status;
}

/** The objects of a document: itself, the items of a List, or none. */
function itemsOf(
  value: unknown,
  isJson: boolean,
): readonly { readonly value: unknown; readonly path: FieldPath }[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "object") {
    const { apiVersion, kind, items } = value as { apiVersion?: unknown; kind?: unknown; items?: unknown };
    if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) {
      return items.map((item: unknown, index) => ({ value: item, path: ["items", index] }));
    }
    // Folders of manifests also hold JSON of other kinds, such as package.json.
    if (isJson && apiVersion === undefined && kind === undefined) return [];
  }
  return [{ value, path: [] }];
}

function problemOf(finding: Finding, object: ObjectReference | undefined, line: number): Problem {
  return {
    severity: finding.severity,
    message: finding.message,
    ...(object === undefined ? {} : { object }),
    ...(finding.path.length === 0 ? {} : { field: formatField(finding.path) }),
    line,
  };
}

function duplicateInFile(path: string, object: LocatedObject, first: LocatedObject): Problem {
  return {
    severity: "error",
    message: `is defined in ${path}:${lineOfObject(first)} already, and that one is used; remove one of the two`,
    object: referenceTo(object),
    file: path,
    line: lineOfObject(object),
  };
}

/** Names an object. */
export function referenceTo({ kind, value }: LocatedObject): ObjectReference {
  return { kind, namespace: value.metadata.namespace ?? "", name: value.metadata.name };
}

/** The line on which an object begins, or on which one of its fields stands. */
export function lineOfObject({ document, path }: LocatedObject, field: FieldPath = []): number {
  return document.line - 1 + fieldLines(document.text)([...path, ...field]);
}
