// Totals since the start of the control plane, for Prometheus: one series per combination of labels.
import { addAt } from "./histogram.ts";
import { latencyBoundsMs, sizeBounds } from "./measures.ts";
import type { Traffic } from "./traffic.ts";

/** A distribution as Prometheus knows it, not yet summed up from bucket to bucket. */
export interface Distribution {
  /** Samples per bucket; the last is what exceeds every bound. */
  readonly buckets: Float64Array;
  sum: number;
}

export type Totals =
  | {
      readonly kind: "http";
      requests: number;
      /** Milliseconds, of requests that were answered to the end. */
      readonly duration: Distribution;
      /** Known where the server's sidecar reports. */
      readonly requestBytes: Distribution;
      readonly responseBytes: Distribution;
    }
  | { readonly kind: "tcp"; opened: number; closed: number; sentBytes: number; receivedBytes: number };

export interface Series {
  readonly traffic: Traffic;
  readonly totals: Totals;
  /** When it was last reported, in milliseconds since the epoch. */
  last: number;
  /** What it takes in memory, by estimate. */
  readonly bytes: number;
}

export function newSeries(traffic: Traffic, keyLength: number, now: number): Series {
  const http = traffic.protocol !== "tcp";
  const totals: Totals = http
    ? {
        kind: "http",
        requests: 0,
        duration: newDistribution(latencyBoundsMs),
        requestBytes: newDistribution(sizeBounds),
        responseBytes: newDistribution(sizeBounds),
      }
    : { kind: "tcp", opened: 0, closed: 0, sentBytes: 0, receivedBytes: 0 };
  return { traffic, totals, last: now, bytes: (http ? 2_500 : 1_500) + 2 * keyLength };
}

function newDistribution(bounds: readonly number[]): Distribution {
  return { buckets: new Float64Array(bounds.length + 1), sum: 0 };
}

/** Adds samples that are already in the distribution's buckets. */
export function addSamples(to: Distribution, counts: ArrayLike<number>, total: number): void {
  for (let i = 0; i < counts.length; i++) addAt(to.buckets, i, counts[i] ?? 0);
  to.sum += total;
}
