import { coversHost } from "#model/host-pattern.ts";

/** The hostnames that both mean: the narrower of the two, or none. */
export function intersection(a: string, b: string): string | undefined {
  if (coversHost(a, b)) return b;
  return coversHost(b, a) ? a : undefined;
}
