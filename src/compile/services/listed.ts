/** `a, b and c`, for messages. */
export function listed(names: readonly (string | number)[], none = "none"): string {
  if (names.length === 0) return none;
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
