/** YAML in, the same YAML with sidecars out; what holds no pods comes back untouched, comments included. */
import { Document, isCollection, LineCounter, parseAllDocuments } from "yaml";
import type { Problem } from "#model/reference.ts";
import { type DocumentInjection, injectDocument } from "./documents.ts";
import type { InjectionSettings } from "./settings.ts";

export interface YamlFile {
  /** As the user knows it. */
  readonly name: string;
  readonly text: string;
}

export interface InjectedYaml {
  /** Every document of every file, in order. */
  readonly output: string;
  readonly problems: readonly Problem[];
  /** One sentence for each object that holds pods and was left alone. */
  readonly notes: readonly string[];
}

/** A namespace that is not among the files is taken to be in the mesh: asking for injection is reason enough. */
const assumedLabels = { "heddle.dev/inject": "enabled" };

/** Injects all objects of some files. A file with an error of syntax contributes nothing but the problem. */
export function injectYaml(files: readonly YamlFile[], settings: InjectionSettings): InjectedYaml {
  const problems: Problem[] = [];
  const notes: string[] = [];
  const parsed = files.flatMap((file) => parseFile(file, problems));
  const labels = namespaceLabels(parsed.map(({ document }) => document.toJS()));
  const labelsOf = (namespace: string) => labels.get(namespace) ?? assumedLabels;
  const output = parsed.map(({ document, file, line }) => {
    const value: unknown = document.toJS();
    const results = itemsOf(value).map((item) => injectDocument(item, labelsOf, settings));
    for (const result of results) {
      if (result.kind === "refused") problems.push({ ...result.problem, file, line });
      if (result.kind === "injected")
        problems.push(...result.warnings.map((warning) => ({ ...warning, file, line })));
      if (result.kind === "skipped") notes.push(noteOf(result));
    }
    if (!results.some((result) => result.kind === "injected")) return document;
    return new Document(withItems(value, results), { aliasDuplicateObjects: false });
  });
  return { output: output.map(print).join("---\n"), problems, notes };
}

interface ParsedDocument {
  readonly document: Document.Parsed;
  readonly file: string;
  readonly line: number;
}

function parseFile({ name, text }: YamlFile, problems: Problem[]): readonly ParsedDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  if (!Array.isArray(documents)) return [];
  const errors = documents.flatMap((document) => document.errors);
  for (const error of errors) {
    const { line } = lines.linePos(error.pos[0]);
    problems.push({ severity: "error", message: error.message, file: name, line });
  }
  if (errors.length > 0) return [];
  return documents
    .filter((document) => isCollection(document.contents))
    .map((document) => ({
      document,
      file: name,
      line: lines.linePos(document.contents?.range?.[0] ?? 0).line,
    }));
}

/** `kubectl get -o yaml` gives a List. */
function itemsOf(value: unknown): readonly unknown[] {
  const list = value as { readonly kind?: unknown; readonly items?: unknown } | null;
  return list?.kind === "List" && Array.isArray(list.items) ? list.items : [value];
}

function withItems(value: unknown, results: readonly DocumentInjection[]): unknown {
  const items = itemsOf(value).map((item, i) => {
    const result = results[i];
    return result?.kind === "injected" ? result.object : item;
  });
  const isList = (value as { readonly kind?: unknown }).kind === "List";
  return isList ? { ...(value as object), items } : items[0];
}

function namespaceLabels(values: readonly unknown[]): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const labels = new Map<string, Readonly<Record<string, string>>>();
  for (const item of values.flatMap(itemsOf)) {
    const { kind, metadata } = (item ?? {}) as {
      readonly kind?: unknown;
      readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
    };
    if (kind === "Namespace" && metadata?.name !== undefined)
      labels.set(metadata.name, metadata.labels ?? {});
  }
  return labels;
}

function noteOf({ subject, reason }: Extract<DocumentInjection, { kind: "skipped" }>): string {
  return `${subject.kind} ${subject.namespace}/${subject.name} is not injected: ${reason}`;
}

/** Arguments are long lines, which must not be folded; the marks between documents are ours. */
function print(document: Document): string {
  if (document.directives !== undefined) document.directives.docStart = null;
  return document.toString({ lineWidth: 0 });
}
