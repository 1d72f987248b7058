import type { FieldPath } from "./field-path.ts";
import { type Finding, suggestion } from "./finding.ts";
import type { Schema } from "./schema.ts";

/** What a structural check needs besides the value. */
export interface StructureContext {
  readonly definitions: Readonly<Record<string, Schema>>;
  /** Whether messages may quote values; not for Secrets. */
  readonly quoteValues: boolean;
  /** Fields without a schema are no errors: an API server stores only those that its own, newer, definition has. */
  readonly newerFields?: boolean;
}

type Fields = Record<string, unknown>;

/**
 * What in `value` is not as `schema` says. Fields that are null are removed from the value, as the API server does:
 * afterwards null means absent everywhere.
 */
export function checkStructure(
  value: unknown,
  schema: Schema,
  context: StructureContext,
): readonly Finding[] {
  const findings: Finding[] = [];
  checkValue(value, schema, [], { ...context, findings });
  return findings;
}

interface Walk extends StructureContext {
  readonly findings: Finding[];
}

function error(walk: Walk, path: FieldPath, message: string): void {
  walk.findings.push({ severity: "error", message, path });
}

function checkValue(value: unknown, given: Schema, path: FieldPath, walk: Walk): void {
  const schema = given.ref === undefined ? given : resolve(given, walk);
  const mismatch = typeMismatch(value, schema);
  if (mismatch !== undefined) {
    const hint = mismatch === "a string" && isScalar(value) ? "; put it in quotes" : "";
    error(walk, path, `expected ${mismatch}, found ${describe(value, walk.quoteValues)}${hint}`);
  } else if (Array.isArray(value)) checkList(value, schema, path, walk);
  else if (typeof value === "object" && value !== null) checkObject(value as Fields, schema, path, walk);
  else checkScalar(value, schema, path, walk);
}

/** A field may narrow a definition that it refers to. */
function resolve(schema: Schema, walk: Walk): Schema {
  const definition = walk.definitions[schema.ref ?? ""];
  if (definition === undefined) throw new Error(`no definition ${schema.ref}`);
  return Object.keys(schema).length === 1 ? definition : { ...definition, ...schema };
}

interface TypeCheck {
  readonly name: string;
  readonly holds: (value: unknown) => boolean;
}

const typeChecks: Readonly<Record<NonNullable<Schema["type"]>, TypeCheck>> = {
  object: {
    name: "an object",
    holds: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  },
  array: { name: "a list", holds: Array.isArray },
  string: { name: "a string", holds: (value) => typeof value === "string" },
  boolean: { name: "true or false", holds: (value) => typeof value === "boolean" },
  integer: { name: "a whole number", holds: Number.isInteger },
  number: { name: "a number", holds: (value) => typeof value === "number" },
  "int-or-string": {
    name: "a whole number or a name",
    holds: (value) => Number.isInteger(value) || typeof value === "string",
  },
  quantity: {
    name: "a quantity such as 500m or 64Mi",
    holds: (value) => Number.isFinite(value) || isQuantity(value),
  },
};

/** What was expected, if the value is of another type. */
function typeMismatch(value: unknown, schema: Schema): string | undefined {
  const check = schema.type === undefined ? undefined : typeChecks[schema.type];
  if (check === undefined || check.holds(value)) return undefined;
  return schema.type === "integer" ? `${check.name}${range(schema, " from ", " of at least ")}` : check.name;
}

function isQuantity(value: unknown): boolean {
  return (
    typeof value === "string" &&
    /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/u.test(value)
  );
}

function range(schema: Schema, fromTo: string, atLeast: string): string {
  if (schema.minimum === undefined) return "";
  return schema.maximum === undefined
    ? `${atLeast}${schema.minimum}`
    : `${fromTo}${schema.minimum} to ${schema.maximum}`;
}

function checkObject(value: Fields, schema: Schema, path: FieldPath, walk: Walk): void {
  for (const [name, field] of Object.entries(value)) {
    const known = schema.properties?.[name] ?? schema.values;
    if (field === null || field === undefined) {
      // In a map of strings a missing value is the empty string.
      if (schema.properties?.[name] === undefined && schema.values?.type === "string") value[name] = "";
      else delete value[name];
    } else if (known !== undefined) checkValue(field, known, [...path, name], walk);
    else if (schema.open !== true && walk.newerFields !== true)
      error(walk, [...path, name], unknownField(name, schema));
  }
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) error(walk, [...path, name], `${name} is missing`);
  }
  for (const names of schema.exclusive ?? []) {
    const present = names.filter((name) => value[name] !== undefined);
    if (present.length > 1) {
      error(
        walk,
        [...path, present[1] ?? ""],
        `only one of ${present.join(", ")} is allowed; remove the others`,
      );
    }
  }
}

function unknownField(name: string, schema: Schema): string {
  const names = Object.keys(schema.properties ?? {});
  const meant = suggestion(name, names);
  if (meant !== undefined) return `unknown field ${name}; did you mean ${meant}?`;
  return `unknown field ${name}; remove it${names.length <= 8 ? `, the fields here are ${names.join(", ")}` : ""}`;
}

function checkList(value: readonly unknown[], schema: Schema, path: FieldPath, walk: Walk): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    error(walk, path, `needs at least ${schema.minItems === 1 ? "one item" : `${schema.minItems} items`}`);
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    error(walk, path, `has ${value.length} items; at most ${schema.maxItems} are allowed`);
  }
  if (schema.items === undefined) return;
  for (const [index, item] of value.entries()) checkValue(item, schema.items, [...path, index], walk);
}

function checkScalar(value: unknown, schema: Schema, path: FieldPath, walk: Walk): void {
  const shown = describe(value, walk.quoteValues);
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) {
    error(walk, path, `${shown} is not allowed; use ${alternatives(schema.enum)}`);
  } else if (typeof value === "number") {
    if (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)) {
      error(walk, path, `${shown} is out of range; use a number${range(schema, " from ", " of at least ")}`);
    }
  } else if (typeof value === "string") {
    if (value.length < (schema.minLength ?? 0)) error(walk, path, "must not be empty");
    else if (value.length > (schema.maxLength ?? value.length)) {
      error(walk, path, `is longer than the ${schema.maxLength} characters allowed`);
    } else if (schema.pattern !== undefined && !matches(schema.pattern, value)) {
      const form = schema.pattern.includes("(h|m|s|ms)")
        ? "write a duration such as 5s or 1m30s"
        : `it must match ${schema.pattern}`;
      error(walk, path, `${shown} is malformed; ${form}`);
    }
  }
}

const patterns = new Map<string, RegExp | undefined>();

/** The patterns are of RE2; the few that JavaScript cannot read are not checked. */
function matches(pattern: string, value: string): boolean {
  if (!patterns.has(pattern)) {
    try {
      patterns.set(pattern, new RegExp(pattern, "u"));
    } catch {
      patterns.set(pattern, undefined);
    }
  }
  return patterns.get(pattern)?.test(value) ?? true;
}

function alternatives(values: readonly string[]): string {
  const shown = values.map((value) => (value === "" ? '""' : value));
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

function isScalar(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean";
}

/** A value in a message. */
export function describe(value: unknown, quoteValues = true): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (!quoteValues) return `a ${typeof value}`;
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value !== "string") return JSON.stringify(value) ?? typeof value;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
