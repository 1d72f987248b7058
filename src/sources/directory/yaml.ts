// YAML as Kubernetes reads it, and the line of every field. JSON is YAML, so `.json` files come this way too.
import {
  CORE_SCHEMA,
  defineScalarTag,
  EVENT_ID,
  type Event,
  getScalarValue,
  intCoreTag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  YAMLException,
} from "js-yaml";
import type { FieldPath } from "../schema/field-path.ts";

/** One document of a file: its text, and the 1-based line on which it begins. */
export interface YamlDocument {
  readonly text: string;
  readonly line: number;
}

/** `yes` and `on` are booleans and `0644` is octal, as for the API server; everything else as in YAML 1.2. */
const kubernetesYaml = CORE_SCHEMA.withTags(
  mergeTag,
  defineScalarTag<boolean>("tag:yaml.org,2002:bool", {
    implicit: true,
    implicitFirstChars: "tTfFyYnNoO".split(""),
    resolve: (source) => {
      if (/^(?:true|True|TRUE|yes|Yes|YES|on|On|ON)$/u.test(source)) return true;
      return /^(?:false|False|FALSE|no|No|NO|off|Off|OFF)$/u.test(source) ? false : NOT_RESOLVED;
    },
    identify: (value) => typeof value === "boolean",
  }),
  defineScalarTag<number>("tag:yaml.org,2002:int", {
    implicit: true,
    implicitFirstChars: "-+0123456789".split(""),
    resolve: (source, isExplicit, tagName) =>
      /^[-+]?0[0-7]+$/u.test(source)
        ? Number.parseInt(source, 8)
        : intCoreTag.resolve(source, isExplicit, tagName),
    identify: Number.isInteger,
  }),
);

/** Splits a file at its `---` and `...` lines, which YAML allows nowhere else in the first column. */
export function splitDocuments(source: string): readonly YamlDocument[] {
  const documents: YamlDocument[] = [];
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  let start = 0;
  let line = 1;
  const add = (end: number): void => {
    const part = text.slice(start, end);
    documents.push({ text: part, line });
    line += countLines(part, part.length);
    start = end;
  };
  for (const marker of text.matchAll(/^(?:---(?=\s|$)|\.\.\.(?=\s|$))/gmu)) {
    // What stands before the first marker may be directives that belong to the document after it.
    if (/^%/mu.test(text.slice(start, marker.index))) continue;
    if (marker.index > start) add(marker.index);
  }
  add(text.length);
  return documents;
}

export type ParsedDocument =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "broken"; readonly reason: string; readonly line: number };

/** The value of a document, `undefined` if it is empty; or what is wrong with its syntax. */
export function parseDocument(text: string): ParsedDocument {
  try {
    return { kind: "value", value: loadAll(text, { schema: kubernetesYaml })[0] };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { kind: "broken", reason: error.reason, line: (error.mark?.line ?? 0) + 1 };
  }
}

interface Position {
  readonly start: number;
  readonly children: Map<string | number, Position>;
}

/** A function from a field to its 1-based line in the document; of a field that is not there, the nearest outer one. */
export function fieldLines(text: string): (path: FieldPath) => number {
  const root = positionsOf(text);
  return (path) => {
    let position = root;
    for (const step of path) {
      const next = position?.children.get(step);
      if (next === undefined) break;
      position = next;
    }
    return 1 + countLines(text, position?.start ?? 0);
  };
}

function positionsOf(text: string): Position | undefined {
  const events = parseEvents(text, {});
  let next = 0;
  const read = (start: number | undefined): Position => {
    const event = events[next++] as Event;
    const position: Position = { start: start ?? startOf(event), children: new Map() };
    if (event.type === EVENT_ID.SEQUENCE) {
      for (let index = 0; events[next]?.type !== EVENT_ID.POP; index++)
        position.children.set(index, read(undefined));
      next++;
    } else if (event.type === EVENT_ID.MAPPING) {
      while (events[next]?.type !== EVENT_ID.POP) {
        const key = events[next] as Event;
        const name = key.type === EVENT_ID.SCALAR ? getScalarValue(text, key) : "";
        const { start: keyStart } = read(undefined);
        position.children.set(name, read(keyStart));
      }
      next++;
    }
    return position;
  };
  while (events[next]?.type === EVENT_ID.DOCUMENT) next++;
  return next < events.length ? read(undefined) : undefined;
}

function startOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart;
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start;
    default:
      return 0;
  }
}

function countLines(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
