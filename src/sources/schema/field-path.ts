/** Where something is in an object: names of fields, indexes of lists. */
export type FieldPath = readonly (string | number)[];

/** `["spec", "ports", 0, "port"]` → `spec.ports[0].port`; names with other characters as `labels["a.b/c"]`. */
export function formatField(path: FieldPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[\w$-]+$/u.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** The inverse of `formatField`. */
export function parseField(field: string): FieldPath {
  return [...field.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/gu)].map(
    ([, index, quoted, name]) => {
      if (index !== undefined) return Number(index);
      return quoted === undefined ? (name ?? "") : (JSON.parse(quoted) as string);
    },
  );
}
