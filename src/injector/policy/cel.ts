/**
 * Values as expressions of CEL, of which the API server makes a pod's parts. A text may have variables in it: the
 * parts of a sidecar are made by the function that makes them elsewhere, with `variable(…)` in the place of what
 * differs from pod to pod.
 */

/** A variable of a policy. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** Stands in a text for the variable of that name. */
export function variable(name: string): string {
  return `⟨${name}⟩`;
}

/** Fields of pods whose keys are the user's, or a resource's. */
const maps = new Set(["requests", "limits"]);

/** A text as an expression. */
export function celText(text: string): string {
  const parts = text
    .split(/(⟨\w+⟩)/)
    .filter((part) => part !== "")
    .map((part) => /^⟨(\w+)⟩$/.exec(part)?.[1] ?? JSON.stringify(part))
    .map((part) => (part.startsWith('"') ? part : `variables.${part}`));
  return parts.length === 0 ? '""' : parts.join(" + ");
}

/** A list of texts or numbers as an expression. */
export function celList(values: readonly (string | number | boolean)[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}

/** Part of an object as an expression; `type` says which part, such as `Object.spec.volumes`. */
export function celObject(value: unknown, type: string): string {
  if (typeof value === "string") return celText(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${(value as readonly unknown[]).map((item) => celObject(item, type)).join(", ")}]`;
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (maps.has(type.slice(type.lastIndexOf(".") + 1))) {
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}: ${celText(String(field))}`).join(", ")}}`;
  }
  return `${type}{${fields.map(([key, field]) => `${key}: ${celObject(field, `${type}.${key}`)}`).join(", ")}}`;
}
