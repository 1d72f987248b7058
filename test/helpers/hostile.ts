// Objects with a value in one of their fields that nobody should write.
import { isJsonObject } from "#model/json.ts";
import type { KubernetesObject } from "#model/object.ts";
import { kindName } from "#model/reference.ts";
import type { Kind } from "#sources/objects.ts";
import type { FieldPath } from "#sources/schema/field-path.ts";
import { schemaOf, sharedDefinitions } from "#sources/schema/kinds.ts";
import type { Schema } from "#sources/schema/schema.ts";

/** Each is none of something: a name, a header, a path, a host, an expression, a command, an address, a duration, a port. */
const texts = ["", "a\n\0b", "%NOSUCH%(", "*a..b", "010.1.1.1", "99999999999999999999s", "constructor"];
const numbers = [-1, 0, 65_536, 2 ** 32];

/** A change of one field. */
export interface Mutation {
  /** The field, with what stands beside it that decides how it is read. */
  readonly field: string;
  readonly value: string;
  /** The object with it; the other stays as it is. */
  readonly apply: (object: KubernetesObject) => KubernetesObject;
}

/** Every hostile value in every field of `spec` that an object has, one at a time. */
export function* mutationsOf(object: KubernetesObject): Generator<Mutation> {
  const kind = kindName(object) as Kind;
  const { spec } = object as unknown as { readonly spec?: unknown };
  yield* ofValue(spec, schemaOf(kind).properties?.["spec"], ["spec"], `${kind}.spec`);
}

function* ofValue(
  value: unknown,
  given: Schema | undefined,
  path: FieldPath,
  field: string,
): Generator<Mutation> {
  const schema = resolved(given);
  const to = (other: unknown): Mutation => ({
    field,
    value: JSON.stringify(other),
    apply: (object) => replaced(object, path, other) as KubernetesObject,
  });
  if (Array.isArray(value)) {
    yield* [[], [...value, ...value]].map(to);
    for (const [index, item] of value.entries())
      yield* ofValue(item, schema?.items, [...path, index], `${field}[]${beside(item)}`);
  } else if (isJsonObject(value)) yield* ofObject(value, schema, path, field, to);
  else if (typeof value === "string") yield* texts.map(to);
  else if (typeof value === "number") yield* numbers.map(to);
}

function* ofObject(
  value: Readonly<Record<string, unknown>>,
  schema: Schema | undefined,
  path: FieldPath,
  field: string,
  to: (other: unknown) => Mutation,
): Generator<Mutation> {
  const isMap = schema?.values !== undefined;
  const entries = Object.entries(value);
  if (isMap) yield* texts.map((name) => to(Object.fromEntries([...entries, [name, entries[0]?.[1] ?? "a"]])));
  for (const [name, item] of entries) {
    const at = isMap ? `${field}.*` : `${field}.${name}${beside(value)}`;
    yield* ofValue(item, isMap ? schema.values : schema?.properties?.[name], [...path, name], at);
  }
}

function resolved(schema: Schema | undefined): Schema | undefined {
  return schema?.ref === undefined ? schema : { ...sharedDefinitions()[schema.ref], ...schema };
}

/** What decides how a field is read. */
function beside(value: unknown): string {
  if (!isJsonObject(value)) return "";
  const words = ["type", "mode", "protocol", "resolution"].map((name) => value[name]);
  return words.map((word) => (typeof word === "string" ? `(${word})` : "")).join("");
}

function replaced(value: unknown, [step, ...rest]: FieldPath, other: unknown): unknown {
  if (step === undefined) return other;
  if (Array.isArray(value))
    return value.map((item, index) => (index === step ? replaced(item, rest, other) : item));
  const fields = value as Readonly<Record<string, unknown>>;
  return { ...fields, [step]: replaced(fields[step], rest, other) };
}
