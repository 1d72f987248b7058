// Distributions over fixed buckets, kept small: only the range of buckets that was hit.

/** Samples per bucket. `counts[i]` belongs to bucket `offset + i`; the last bucket of all is what exceeds every bound. */
export interface Histogram {
  readonly offset: number;
  readonly counts: Float64Array;
}

export const emptyHistogram: Histogram = { offset: 0, counts: new Float64Array(0) };

/** Cuts empty buckets off both ends. */
export function histogramOf(buckets: ArrayLike<number>): Histogram {
  let start = 0;
  let end = buckets.length;
  while (end > start && !buckets[end - 1]) end--;
  while (start < end && !buckets[start]) start++;
  return {
    offset: start,
    counts: Float64Array.from({ length: end - start }, (_, i) => buckets[start + i] ?? 0),
  };
}

/** The samples of both; changes neither. */
export function merged(left: Histogram, right: Histogram): Histogram {
  if (left.counts.length === 0) return right;
  if (right.counts.length === 0) return left;
  const offset = Math.min(left.offset, right.offset);
  const end = Math.max(left.offset + left.counts.length, right.offset + right.counts.length);
  const counts = new Float64Array(end - offset);
  for (const part of [left, right]) {
    for (const [i, count] of part.counts.entries()) addAt(counts, part.offset - offset + i, count);
  }
  return { offset, counts };
}

/** Adds to one element of an array. */
export function addAt(counts: Float64Array, index: number, count: number): void {
  counts[index] = (counts[index] ?? 0) + count;
}

/**
 * The value below which `fraction` of the samples lie, between the bounds of its bucket in proportion; beyond the last
 * bound, that bound. Null without samples. `bounds` are the upper bounds of the buckets, in order.
 */
export function quantile(histogram: Histogram, bounds: readonly number[], fraction: number): number | null {
  const total = histogram.counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = fraction * total;
  let below = 0;
  for (const [i, count] of histogram.counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const bucket = histogram.offset + i;
      const lower = bounds[bucket - 1] ?? 0;
      const upper = bounds[bucket] ?? lower;
      return lower + ((upper - lower) * (rank - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1) ?? null;
}

/**
 * Sorts samples that came in other buckets into buckets of ours: each lands where its own upper bound does. Exact when
 * the bounds are the same.
 */
export function rebucketed(
  counts: readonly number[],
  itsBounds: readonly number[],
  ourBounds: readonly number[],
): Float64Array {
  const result = new Float64Array(ourBounds.length + 1);
  let bucket = 0;
  for (const [i, count] of counts.entries()) {
    const upper = itsBounds[i] ?? Number.POSITIVE_INFINITY;
    while (bucket < ourBounds.length && (ourBounds[bucket] ?? 0) < upper) bucket++;
    addAt(result, bucket, count);
  }
  return result;
}
