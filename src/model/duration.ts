const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Ten years, which is as good as for ever: proxies refuse three hundred, and wait several times as long where they try again. */
const longestMs = 10 * 365 * 86_400_000;

/**
 * Milliseconds of a duration such as `1h30m`, `1.5s` or `100ms`; undefined when it is none. They are whole, as are those
 * that proxies count, so that the shortest duration is not none.
 * The format of Go's time.ParseDuration, of which GEP-2257 is a part.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g)) {
    total += Number(amount) * (unitMs[unit ?? ""] ?? 0);
  }
  return Math.min(Math.ceil(total), longestMs);
}

/** Milliseconds of a duration that may be absent; `0s` is as good as none. */
export function parseTimeout(text: string | undefined): number | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text);
  return milliseconds === 0 ? undefined : milliseconds;
}
