// What the control plane remembers of the traffic: totals per series and the recent past per edge, in memory, bounded.
import {
  type Amount,
  addToEdge,
  bytesOfEdge,
  type Edge,
  type EdgeIdentity,
  newEdge,
  nothing,
  type Span,
} from "./edge.ts";
import { histogramOf, rebucketed } from "./histogram.ts";
import { histogramBucketSettings, measures, sizeBounds } from "./measures.ts";
import { addSamples, newSeries, type Series } from "./series.ts";
import { parseTraffic, type Reporter, type Traffic } from "./traffic.ts";

export type Measure = (typeof measures)[keyof typeof measures];

/** One change that a sidecar reports; `traffic` is the tag as it was sent. */
export type Point =
  | { readonly kind: "count"; readonly measure: Measure; readonly traffic: string; readonly value: number }
  | {
      readonly kind: "distribution";
      readonly measure: Measure;
      readonly traffic: string;
      /** One more than `bounds`. */
      readonly counts: readonly number[];
      readonly bounds: readonly number[];
      readonly sum: number;
    };

/** What one sidecar saw during the `intervalMs` before it reported; 0 if that is not known. */
export interface Report {
  readonly reporter: Reporter;
  readonly intervalMs: number;
  readonly points: readonly Point[];
}

export interface StoreOptions {
  /** Memory that series and edges may take, by estimate; beyond it the longest idle go. */
  readonly maximumBytes?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface LastReport {
  readonly at: number;
  readonly intervalMs: number;
}

const durationBounds: readonly number[] = histogramBucketSettings[0].buckets;
const longestIntervalMs = 10 * 60_000;
/** Of a sidecar that has just started. */
const unknownIntervalMs = 5_000;

/** Takes reports, and gives series and edges to whoever shows them. */
export class TelemetryStore {
  readonly now: () => number;
  readonly #maximumBytes: number;
  readonly #series = new Map<string, Series>();
  readonly #edges = new Map<string, Edge>();
  /** By workload, then pod: how far its reports reach. */
  readonly #reported = new Map<string, Map<string, LastReport>>();
  #bytes = 0;

  constructor(options: StoreOptions = {}) {
    this.#maximumBytes = options.maximumBytes ?? 64 * 1024 * 1024;
    this.now = options.now ?? Date.now;
  }

  /** The memory in use, by estimate. */
  get bytes(): number {
    return this.#bytes;
  }

  series(): Iterable<Series> {
    return this.#series.values();
  }

  edges(): Iterable<Edge> {
    return this.#edges.values();
  }

  /** Enters a report. Points of measures or tags that this version does not know are skipped. */
  record({ reporter, intervalMs, points }: Report): void {
    const end = this.now();
    const interval = intervalMs > 0 ? Math.min(intervalMs, longestIntervalMs) : unknownIntervalMs;
    const { app = "", version = "" } = reporter.labels;
    const reportedBy = `${reporter.namespace}/${reporter.workload}`;
    const owner = [reporter.namespace, reporter.workload, reporter.principal, app, version].join("\n");
    this.#noteReport(reportedBy, reporter.pod, { at: end, intervalMs: interval });
    for (const point of points) {
      const key = `${owner}\n${point.traffic}`;
      const series = this.#series.get(key) ?? this.#addSeries(key, point, reporter);
      if (series === undefined) continue;
      series.last = end;
      const amount = enter(series, point);
      if (amount !== undefined)
        this.#addToEdge(series.traffic, reportedBy, { start: end - interval, end }, amount);
    }
    if (this.#bytes > this.#maximumBytes) this.#evict();
  }

  /**
   * Until when the edge's numbers are complete: the earliest last report among the pods that still report. Sidecars
   * are silent while nothing happens, so without fresh reports it is now.
   */
  completeUntil(edge: Edge): number {
    const now = this.now();
    const fresh = [...(this.#reported.get(edge.reportedBy)?.values() ?? [])]
      .filter(({ at, intervalMs }) => now - at <= 1.5 * intervalMs + 1_000)
      .map(({ at }) => at);
    return fresh.length === 0 ? now : Math.min(...fresh);
  }

  #noteReport(workload: string, pod: string, report: LastReport): void {
    const pods = this.#reported.get(workload) ?? new Map<string, LastReport>();
    this.#reported.set(workload, pods.set(pod, report));
    for (const [name, { at }] of pods) if (report.at - at > longestIntervalMs) pods.delete(name);
  }

  #addSeries(key: string, point: Point, reporter: Reporter): Series | undefined {
    const transport = point.measure.startsWith("tcp_") ? "tcp" : "http";
    const traffic = parseTraffic(transport, point.traffic, reporter);
    if (traffic === undefined) return undefined;
    const series = newSeries(traffic, key.length, this.now());
    this.#series.set(key, series);
    this.#bytes += series.bytes;
    return series;
  }

  #addToEdge(traffic: Traffic, reportedBy: string, span: Span, amount: Amount): void {
    const identity = edgeOf(traffic);
    const key = Object.values(identity).join("\n");
    let edge = this.#edges.get(key);
    if (edge === undefined) {
      edge = newEdge(identity, reportedBy, span.start);
      this.#edges.set(key, edge);
      this.#bytes += bytesOfEdge(edge);
    }
    const before = bytesOfEdge(edge);
    addToEdge(edge, span, amount);
    this.#bytes += bytesOfEdge(edge) - before;
  }

  /** Makes room for a while: down to nine tenths of the limit. */
  #evict(): void {
    const candidates = [
      ...[...this.#series].map(([key, { last, bytes }]) => ({ map: this.#series, key, last, bytes })),
      ...[...this.#edges].map(([key, edge]) => ({
        map: this.#edges,
        key,
        last: edge.last,
        bytes: bytesOfEdge(edge),
      })),
    ].toSorted((left, right) => left.last - right.last);
    for (const { map, key, bytes } of candidates) {
      if (this.#bytes <= 0.9 * this.#maximumBytes) return;
      map.delete(key);
      this.#bytes -= bytes;
    }
  }
}

/** Adds a point to its series; gives what the edge gets of it. */
function enter({ totals, traffic }: Series, point: Point): Amount | undefined {
  if (totals.kind === "http") {
    if (point.kind !== "distribution") return undefined;
    const bounds = point.measure === measures.requestDuration ? durationBounds : sizeBounds;
    const counts = rebucketed(point.counts, point.bounds, bounds);
    switch (point.measure) {
      case measures.requestDuration: {
        // The lowest bucket holds the requests without an end.
        const latency = counts.subarray(1);
        const requests = counts.reduce((sum, count) => sum + count, 0);
        totals.requests += requests;
        addSamples(totals.duration, latency, point.sum / 1_000);
        return { ...amountOf(traffic, requests), latency: histogramOf(latency) };
      }
      case measures.requestBytes:
        addSamples(totals.requestBytes, counts, point.sum);
        return undefined;
      case measures.responseBytes:
        addSamples(totals.responseBytes, counts, point.sum);
        return undefined;
      default:
        return undefined;
    }
  }
  if (point.kind !== "count") return undefined;
  switch (point.measure) {
    case measures.tcpOpened:
      totals.opened += point.value;
      return amountOf(traffic, point.value);
    case measures.tcpClosed:
      totals.closed += point.value;
      if (traffic.failure === undefined) return undefined;
      // It never was open for Envoy; for whoever counts connections it was tried.
      totals.opened += point.value;
      return amountOf(traffic, point.value);
    case measures.tcpSentBytes:
      totals.sentBytes += point.value;
      return undefined;
    case measures.tcpReceivedBytes:
      totals.receivedBytes += point.value;
      return undefined;
    default:
      return undefined;
  }
}

function amountOf(traffic: Traffic, requests: number): Amount {
  return {
    ...nothing,
    requests,
    failures: traffic.failure === undefined ? {} : { [traffic.failure]: requests },
    limited: traffic.limited ? requests : 0,
    mutualTls: traffic.security === "mutual_tls" ? requests : 0,
    plaintext: traffic.security === "none" ? requests : 0,
  };
}

function edgeOf({ reporter, protocol, source, destination, service }: Traffic): EdgeIdentity {
  return {
    reporter,
    sourceNamespace: source.namespace,
    sourceWorkload: source.workload,
    destinationNamespace: service.namespace,
    destinationService: service.name,
    destinationWorkload: destination.workload,
    protocol,
  };
}
