// The recent past of one edge of the service graph: in fine slots for minutes, in coarse ones for hours.
import { emptyHistogram, type Histogram, merged } from "./histogram.ts";
import type { Protocol } from "./traffic.ts";

/** Who called what, as one side saw it. */
export interface EdgeIdentity {
  readonly reporter: "source" | "destination";
  readonly sourceNamespace: string;
  readonly sourceWorkload: string;
  readonly destinationNamespace: string;
  readonly destinationService: string;
  readonly destinationWorkload: string;
  readonly protocol: Protocol;
}

/** What one report adds to an edge, or what a span of time has seen. TCP: `requests` are connections. */
export interface Amount {
  readonly requests: number;
  /** How many failed, by how: `503 UH`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that were refused because there were too many. */
  readonly limited: number;
  /** Requests known to have gone over mutual TLS, and known to have gone in plaintext. */
  readonly mutualTls: number;
  readonly plaintext: number;
  /** Of requests that were answered to the end, over `latencyBoundsMs`. */
  readonly latency: Histogram;
}

export const nothing: Amount = {
  requests: 0,
  failures: {},
  limited: 0,
  mutualTls: 0,
  plaintext: 0,
  latency: emptyHistogram,
};

/** A span of time, in milliseconds since the epoch. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Slot {
  readonly number: number;
  amount: Amount;
}

/** A ring of slots of equal width; slots without traffic cost nothing. */
interface Ring {
  readonly widthMs: number;
  readonly slots: (Slot | undefined)[];
  /** How many of them were ever used. */
  made: number;
}

/** An edge and its past. Times are those of the receiving clock. */
export interface Edge {
  readonly identity: EdgeIdentity;
  /** The workload whose sidecars report it, as `namespace/name`. */
  readonly reportedBy: string;
  /** When the first report about it began. */
  readonly since: number;
  last: number;
  /** What the last request that told said about encryption; null before the first. */
  lastMutualTls: boolean | null;
  readonly fine: Ring;
  readonly coarse: Ring;
}

const fineSlots = { widthMs: 5_000, count: 120 };
const coarseSlots = { widthMs: 60_000, count: 180 };

/** What an edge takes in memory, by estimate: its rings, and its slots with a histogram of usual width. */
export function bytesOfEdge(edge: Edge): number {
  return edgeBytes + slotBytes * [edge.fine, edge.coarse].reduce((made, ring) => made + ring.made, 0);
}

const edgeBytes = 4_000;
const slotBytes = 400;

/** An edge that began at `since`. */
export function newEdge(identity: EdgeIdentity, reportedBy: string, since: number): Edge {
  return {
    identity,
    reportedBy,
    since,
    last: since,
    lastMutualTls: null,
    fine: { widthMs: fineSlots.widthMs, slots: Array.from({ length: fineSlots.count }), made: 0 },
    coarse: { widthMs: coarseSlots.widthMs, slots: Array.from({ length: coarseSlots.count }), made: 0 },
  };
}

/** Enters what happened during `span`, evenly. */
export function addToEdge(edge: Edge, span: Span, amount: Amount): void {
  edge.last = Math.max(edge.last, span.end);
  if (amount.mutualTls + amount.plaintext > 0) edge.lastMutualTls = amount.plaintext === 0;
  addToRing(edge.fine, span, amount);
  addToRing(edge.coarse, span, amount);
}

function addToRing(ring: Ring, { start, end }: Span, amount: Amount): void {
  const first = Math.floor(start / ring.widthMs);
  const last = Math.max(first, Math.ceil(end / ring.widthMs) - 1);
  for (let number = Math.max(first, last - ring.slots.length + 1); number <= last; number++) {
    const share = end > start ? overlap({ start, end }, slotSpan(ring, number)) / (end - start) : 1;
    // A distribution is not cut into parts: it goes where the report ended.
    const part = { ...scaled(amount, share), latency: number === last ? amount.latency : emptyHistogram };
    const index = number % ring.slots.length;
    const slot = ring.slots[index];
    if (slot?.number === number) slot.amount = sum(slot.amount, part);
    else if (slot === undefined || slot.number < number) {
      if (slot === undefined) ring.made++;
      ring.slots[index] = { number, amount: part };
    }
  }
}

/** What the edge saw during `span`; slots at its ends count as far as they lie in it. */
export function amountDuring(edge: Edge, span: Span): Amount {
  const ring = span.end - span.start <= fineSlots.widthMs * (fineSlots.count - 2) ? edge.fine : edge.coarse;
  let total = nothing;
  for (const slot of ring.slots) {
    if (slot === undefined) continue;
    const whole = slotSpan(ring, slot.number);
    // Nothing can have happened in a slot before the edge existed, or after its last report.
    const filled = { start: Math.max(whole.start, edge.since), end: Math.min(whole.end, edge.last) };
    const covered = overlap(filled, span);
    if (covered <= 0) continue;
    total = sum(total, scaled(slot.amount, covered / (filled.end - filled.start)));
  }
  return total;
}

function slotSpan(ring: Ring, number: number): Span {
  return { start: number * ring.widthMs, end: (number + 1) * ring.widthMs };
}

function overlap(left: Span, right: Span): number {
  return Math.max(0, Math.min(left.end, right.end) - Math.max(left.start, right.start));
}

/** Latencies stay whole: they are only ever read as fractions. */
function scaled(amount: Amount, factor: number): Amount {
  if (factor >= 1) return amount;
  return {
    requests: amount.requests * factor,
    failures: Object.fromEntries(
      Object.entries(amount.failures).map(([failure, count]) => [failure, count * factor]),
    ),
    limited: amount.limited * factor,
    mutualTls: amount.mutualTls * factor,
    plaintext: amount.plaintext * factor,
    latency: amount.latency,
  };
}

/** Both together. */
export function sum(left: Amount, right: Amount): Amount {
  return {
    requests: left.requests + right.requests,
    failures: sumOfFailures(left.failures, right.failures),
    limited: left.limited + right.limited,
    mutualTls: left.mutualTls + right.mutualTls,
    plaintext: left.plaintext + right.plaintext,
    latency: merged(left.latency, right.latency),
  };
}

const maximumFailures = 8;

/** Beyond the first few kinds of failure the others are one. */
function sumOfFailures(left: Amount["failures"], right: Amount["failures"]): Amount["failures"] {
  const total: Record<string, number> = { ...left };
  for (const [failure, count] of Object.entries(right)) {
    const isKnown = Object.hasOwn(total, failure) || Object.keys(total).length < maximumFailures;
    const key = isKnown ? failure : "other";
    total[key] = (total[key] ?? 0) + count;
  }
  return total;
}
