import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Source } from "#collections/graph.ts";
import type { RejectedResource } from "#model/status.ts";
import type { RejectionStatus } from "#xds/status.ts";
import type { Gathered } from "./gathered.ts";

const askEveryMs = 5_000;

/**
 * Keeps in `rejections` what the proxies of all replicas refuse, until the signal aborts. For the leader alone. Calls
 * `onFirstAnswer` when it knows what those refuse that answer in time.
 */
export async function collectRejections(
  rejections: Source<RejectedResource>,
  askAll: () => Promise<Gathered<RejectionStatus>>,
  onFirstAnswer: () => void,
  signal: AbortSignal,
): Promise<void> {
  let isFirst = true;
  while (!signal.aborted) {
    const { items, unanswered } = await askAll();
    if (signal.aborted) return;
    // Who does not answer may still have proxies that refuse what was refused.
    if (unanswered.length === 0) replaceRejections(rejections, items);
    else addRejections(rejections, items);
    if (isFirst) onFirstAnswer();
    isFirst = false;
    await sleep(askEveryMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** What is refused now, and nothing else. */
export function replaceRejections(
  rejections: Source<RejectedResource>,
  items: readonly RejectionStatus[],
): void {
  const found = addRejections(rejections, items);
  for (const key of rejections.keys()) if (!found.has(key)) rejections.set(key, undefined);
}

/** Returns the keys of what was added or was there already. */
function addRejections(
  rejections: Source<RejectedResource>,
  items: readonly RejectionStatus[],
): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { typeUrl, name, message, origins } of items) {
    const key = `${typeUrl} ${name} ${message}`;
    const rejected: RejectedResource = { message, origins };
    if (!isDeepStrictEqual(rejections.get(key), rejected)) rejections.set(key, rejected);
    keys.add(key);
  }
  return keys;
}
