// The answer to "who calls whom, how often, and how well": what `heddle stat` prints.
import { type Amount, amountDuring, type Edge, sum } from "./edge.ts";
import { type Histogram, quantile } from "./histogram.ts";
import { latencyBoundsMs } from "./measures.ts";
import type { TelemetryStore } from "./store.ts";
import { type Protocol, unknown } from "./traffic.ts";

/** One row. This is the JSON of `heddle stat -o json`: other programs read it. */
export interface EdgeStat {
  readonly source: { readonly namespace: string; readonly workload: string };
  readonly destination: { readonly namespace: string; readonly service: string };
  readonly protocol: Protocol;
  /** Requests per second; TCP: new connections per second. */
  readonly rps: number;
  /** From 0 to 1: requests that did not fail by the server's fault; TCP: connections that were made. */
  readonly success: number;
  /** How the others failed, such as `503 UH` (status, response flags; `grpc 14`), and which share of all, most first. */
  readonly failures: readonly { readonly reason: string; readonly share: number }[];
  /** From 0 to 1: requests that were refused because there were too many. */
  readonly limited: number;
  /** Milliseconds; null where there is no latency to speak of. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Whether all that was seen went over mutual TLS; null if nothing has reached a server yet. */
  readonly mtls: boolean | null;
}

export interface StatOptions {
  /** How far to look back; what an edge has not existed for does not count. */
  readonly windowMs?: number;
  /** Only edges that start or end there. */
  readonly namespace?: string;
}

/** What one store knows of an edge: rows of several stores make one. Plain data but for the counts of `latency`. */
export interface StatRow extends Pick<EdgeStat, "source" | "destination" | "protocol" | "rps"> {
  readonly amount: Amount;
  /** What is said about encryption where nothing of it was seen in the window. */
  readonly lastMutualTls: boolean | null;
}

/** The edges that had traffic in the window, by source, then destination. */
export function statOf(store: TelemetryStore, options: StatOptions = {}): readonly EdgeStat[] {
  return statOfRows(statRows(store, options));
}

/** What a store has seen in the window, for `statOfRows`. */
export function statRows(store: TelemetryStore, options: StatOptions = {}): readonly StatRow[] {
  const { windowMs = 30_000, namespace } = options;
  return [...store.edges()].flatMap((edge): readonly StatRow[] => {
    if (!isShown(edge, namespace)) return [];
    const end = store.completeUntil(edge);
    const start = Math.max(end - windowMs, edge.since);
    const amount = amountDuring(edge, { start, end });
    if (amount.requests <= 0) return [];
    const { identity, lastMutualTls } = edge;
    return [
      {
        source: { namespace: identity.sourceNamespace, workload: identity.sourceWorkload },
        destination: { namespace: identity.destinationNamespace, service: identity.destinationService },
        protocol: identity.protocol,
        rps: amount.requests / (Math.max(end - start, 1_000) / 1_000),
        amount,
        lastMutualTls,
      },
    ];
  });
}

/** One answer from the rows of one store or of several, by source, then destination. */
export function statOfRows(rows: Iterable<StatRow>): readonly EdgeStat[] {
  const edges = new Map<string, StatRow>();
  for (const row of rows) {
    const key = rowKey(row);
    const before = edges.get(key);
    edges.set(key, before === undefined ? row : together(before, row));
  }
  return [...edges].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => statOfRow(row));
}

function together(left: StatRow, right: StatRow): StatRow {
  return {
    ...left,
    amount: sum(left.amount, right.amount),
    rps: left.rps + right.rps,
    lastMutualTls: bothEncrypted(left.lastMutualTls, right.lastMutualTls),
  };
}

/** What is not known says nothing. */
function bothEncrypted(left: boolean | null, right: boolean | null): boolean | null {
  if (left === null || right === null) return left ?? right;
  return left && right;
}

/** The client's side measures; the server's tells only of clients that cannot. */
function isShown({ identity }: Edge, namespace: string | undefined): boolean {
  if (identity.reporter === "destination" && identity.sourceWorkload !== unknown) return false;
  return (
    namespace === undefined ||
    identity.sourceNamespace === namespace ||
    identity.destinationNamespace === namespace
  );
}

function rowKey({ source, destination, protocol }: StatRow): string {
  return [source.namespace, source.workload, destination.namespace, destination.service, protocol].join("\n");
}

function statOfRow({ source, destination, protocol, amount, rps, lastMutualTls }: StatRow): EdgeStat {
  const known = amount.mutualTls + amount.plaintext > 0;
  const failures = Object.entries(amount.failures).toSorted(([, left], [, right]) => right - left);
  const failed = failures.reduce((all, [, count]) => all + count, 0);
  return {
    source,
    destination,
    protocol,
    rps: rounded(rps, 2),
    // Rounded down: 1 means that nothing failed.
    success: Math.max(0, Math.floor((1 - failed / amount.requests) * 10_000 + 1e-6) / 10_000),
    failures: failures.map(([reason, count]) => ({ reason, share: rounded(count / amount.requests, 4) })),
    limited: rounded(amount.limited / amount.requests, 4),
    p50Ms: latencyAt(amount.latency, 0.5),
    p95Ms: latencyAt(amount.latency, 0.95),
    p99Ms: latencyAt(amount.latency, 0.99),
    mtls: known ? amount.plaintext === 0 : lastMutualTls,
  };
}

function latencyAt(latency: Histogram, fraction: number): number | null {
  const value = quantile(latency, latencyBoundsMs, fraction);
  return value === null ? null : rounded(value, 2);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
