// Hostnames with and without wildcards.

/** The hostnames that both mean: the narrower of the two, or none. */
export function intersection(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

function covers(wide: string, narrow: string): boolean {
  if (wide === "*" || wide === narrow) return true;
  return wide.startsWith("*.") && narrow.endsWith(wide.slice(1)) && narrow !== wide;
}
