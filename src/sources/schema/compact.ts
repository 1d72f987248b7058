// Published schemas → what is kept of them in gen/.
import type { Schema } from "./schema.ts";

/** What Istio's rules say of the numbers of ports. */
const PORT_RULE = "0 < self && self <= 65535";

/** What the rules of the Gateway API mean by `duration(self)`. */
const DURATION = "^(([0-9]+(\\.[0-9]+)?)(h|m|s|ms))+$";
const COPIED = [
  "type",
  "enum",
  "pattern",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
];

/** A schema of OpenAPI as it is published. */
export type Published = Readonly<Record<string, unknown>>;

/** `io.k8s.api.core.v1.Pod` → `core.v1.Pod` */
export function shortName(name: string): string {
  return name.replace(/^.*\//u, "").replace(/^io\.k8s\.(?:api|apimachinery\.pkg(?:\.apis)?)\./u, "");
}

/** The names of which at most one may be present, from `oneOf: [{not: …}, {required: [a]}, {required: [b]}]`. */
function exclusiveNames(node: Published): readonly (readonly string[])[] {
  const sets = [
    node["oneOf"],
    ...((node["allOf"] as Published[] | undefined) ?? []).map((part) => part["oneOf"]),
  ];
  return sets.flatMap((alternatives) => {
    const names = ((alternatives as Published[] | undefined) ?? []).flatMap(
      (alternative) => (alternative["required"] as string[] | undefined) ?? [],
    );
    return names.length > 1 ? [[...new Set(names)]] : [];
  });
}

/** Strips a published definition to what the walker checks. */
export function compact(node: Published): Schema {
  const reference = (node["$ref"] ?? (node["allOf"] as Published[] | undefined)?.[0]?.["$ref"]) as
    | string
    | undefined;
  if (reference !== undefined) return { ref: shortName(reference) };
  if (node["format"] === "int-or-string" || node["x-kubernetes-int-or-string"] === true)
    return { type: "int-or-string" };
  const schema: Record<string, unknown> = {};
  for (const key of COPIED) if (node[key] !== undefined) schema[key] = node[key];
  const required = node["required"] as string[] | undefined;
  if (required !== undefined) schema["required"] = required;
  if (node["items"] !== undefined) schema["items"] = compact(node["items"] as Published);
  const values = node["additionalProperties"];
  if (typeof values === "object" && values !== null) schema["values"] = compact(values as Published);
  if (node["x-kubernetes-preserve-unknown-fields"] === true || values === true) schema["open"] = true;
  if (node["properties"] !== undefined) {
    schema["properties"] = Object.fromEntries(
      Object.entries(node["properties"] as Record<string, Published>).map(([name, property]) => [
        name,
        compact(property),
      ]),
    );
  } else if (node["type"] === "object" && schema["values"] === undefined) schema["open"] = true;
  const exclusive = exclusiveNames(node);
  if (exclusive.length > 0) schema["exclusive"] = exclusive;
  const rules = (node["x-kubernetes-validations"] as { rule: string }[] | undefined) ?? [];
  if (rules.some(({ rule }) => rule.includes("duration(self)"))) schema["pattern"] = DURATION;
  if (rules.some(({ rule }) => rule === PORT_RULE)) Object.assign(schema, { minimum: 1, maximum: 65_535 });
  return schema;
}
