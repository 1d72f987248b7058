// What sidecars measure, under the names that they send: the agreement between the access logger's configuration, the
// bootstrap and the ingest. No imports: the bootstrap is made where Envoy's types are not loaded.

/** Prefix of everything that the access loggers count; the bootstrap's `stats_matcher` must include it. */
export const statsPrefix = "heddle";

/** Names of the counters and histograms, without prefix. Envoy sends them as `heddle.<name>`. */
export const measures = {
  /** Microseconds; its number of samples is the number of requests. */
  requestDuration: "request_duration_microseconds",
  requestBytes: "request_bytes",
  responseBytes: "response_bytes",
  tcpOpened: "tcp_connections_opened_total",
  tcpClosed: "tcp_connections_closed_total",
  tcpSentBytes: "tcp_sent_bytes_total",
  tcpReceivedBytes: "tcp_received_bytes_total",
} as const;

/** The one tag of each measure: {@link trafficFields}, joined by {@link trafficSeparator}. */
export const trafficTag = "traffic";

/**
 * What the tag holds, in order; absent values are empty. One tag instead of fourteen, because Envoy formats, interns
 * and sends each tag of each measure for itself.
 */
export const trafficFields = [
  "reporter",
  "responseCode",
  "responseFlags",
  "grpcStatus",
  "peerPrincipal",
  "peerWorkload",
  "upstreamProtocol",
  "service",
  "serviceName",
  "serviceNamespace",
  "workload",
  "workloadNamespace",
  "app",
  "version",
] as const;

export type TrafficField = (typeof trafficFields)[number];

/** In no name of Kubernetes, no URI and no response flag. */
export const trafficSeparator = "|";

/** Upper bounds of the latency buckets, in milliseconds. They include the bounds of Istio's standard metrics. */
export const latencyBoundsMs: readonly number[] = [
  0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 25, 35, 50, 70, 100, 150, 200, 250, 350, 500,
  700, 1_000, 1_500, 2_500, 3_500, 5_000, 7_000, 10_000, 15_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** Upper bounds of the size buckets, in bytes. */
export const sizeBounds: readonly number[] = [
  100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
];

/**
 * Requests that were not answered to the end have no duration; they are counted as 0 µs, in this lowest bucket of the
 * duration, which no real request reaches.
 */
export const incompleteBoundMicroseconds = 0.5;

/** `stats_config.histogram_bucket_settings` of the bootstrap, in its JSON form. */
export const histogramBucketSettings = [
  {
    match: { prefix: `${statsPrefix}.${measures.requestDuration}` },
    buckets: [incompleteBoundMicroseconds, ...latencyBoundsMs.map((bound) => Math.round(bound * 1_000))],
  },
  { match: { prefix: `${statsPrefix}.${measures.requestBytes}` }, buckets: sizeBounds },
  { match: { prefix: `${statsPrefix}.${measures.responseBytes}` }, buckets: sizeBounds },
] as const;
