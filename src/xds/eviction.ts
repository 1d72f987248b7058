import type { Subscription } from "./subscription.ts";

/**
 * The names to forget beyond a limit: what was sent ahead and never asked for, and what does not exist. What the client
 * has asked for and has is kept: Envoy 1.40 asks for a name once on a stream, and if it is taken away answers by itself
 * that it does not exist (`envoy.reloadable_features.vhds_answered_alias_cache`), or waits.
 */
export function evicted(
  { names, volunteered, held }: Pick<Subscription, "names" | "volunteered" | "held">,
  limit: number,
  isAbsent: (name: string) => boolean,
): readonly string[] {
  if (names.size <= limit) return [];
  const isDispensable = (name: string) => volunteered.has(name) || (isAbsent(name) && held.has(name));
  return [...names].filter(isDispensable).slice(0, Math.ceil(names.size - limit * 0.9));
}
