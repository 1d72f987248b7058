import type { FieldFault } from "#model/field-fault.ts";
import type { ProblemReason } from "#model/reference.ts";

/** Something wrong with an object, seen beside the others. */
export interface CheckFinding {
  readonly severity: "error" | "warning";
  /** What is wrong and what to do about it. */
  readonly message: string;
  /** A path such as `spec.rules[0].backendRefs[0].port`. */
  readonly field: string;
  readonly reason?: ProblemReason;
}

/** The place of a part of a field; of the field itself where the part is empty. */
export function partOf(field: string, part: string): string {
  return part === "" ? field : `${field}.${part}`;
}

/** Something that cannot work. */
export function error(field: string, message: string, reason?: ProblemReason): CheckFinding {
  return { severity: "error", message, field, ...(reason === undefined ? {} : { reason }) };
}

/** What a part of an object at `field` cannot have. */
export function errorsAt(field: string, faults: readonly FieldFault[]): readonly CheckFinding[] {
  return faults.map((fault) => error(partOf(field, fault.field), fault.message, "UnsupportedValue"));
}

/** Something that works otherwise than it looks. */
export function warning(field: string, message: string, reason?: ProblemReason): CheckFinding {
  return { severity: "warning", message, field, ...(reason === undefined ? {} : { reason }) };
}

/** A change of a header that no proxy makes. */
export function unchangeableHeader(name: string, field: string): CheckFinding {
  return warning(field, `${name} cannot be changed so, and stays; the Host can be set for requests`);
}
