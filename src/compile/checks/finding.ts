/** Something wrong with an object, seen beside the others. */
export interface CheckFinding {
  readonly severity: "error" | "warning";
  /** What is wrong and what to do about it. */
  readonly message: string;
  /** A path such as `spec.rules[0].backendRefs[0].port`. */
  readonly field: string;
  /** It may come right without a change of this object: others come in any order. */
  readonly unresolved?: true;
}

/** Something that cannot work. */
export function error(field: string, message: string): CheckFinding {
  return { severity: "error", message, field };
}

/** Something that cannot work as the other objects are now. */
export function unresolved(field: string, message: string): CheckFinding {
  return { severity: "error", message, field, unresolved: true };
}

/** Something that works otherwise than it looks. */
export function warning(field: string, message: string): CheckFinding {
  return { severity: "warning", message, field };
}

/** `a, b and c`, for messages. */
export function listed(names: readonly (string | number)[], none: string): string {
  if (names.length === 0) return none;
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
