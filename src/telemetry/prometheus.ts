// The totals in Prometheus' text format, under the names and labels of Istio's standard metrics, so that dashboards
// and tools made for those work: https://istio.io/latest/docs/reference/config/metrics/
import { latencyBoundsMs, sizeBounds } from "./measures.ts";
import type { Distribution, Series, Totals } from "./series.ts";
import type { Party, Traffic } from "./traffic.ts";

/** `content-type` of the exposition. */
export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Bounds of Istio's durations, in milliseconds: fewer than we keep. */
const exposedLatencyBounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];

type Http = Extract<Totals, { kind: "http" }>;
type Tcp = Extract<Totals, { kind: "tcp" }>;
type Metric = { readonly name: string; readonly help: string } & (
  | { readonly kind: "http counter"; readonly of: (totals: Http) => number }
  | { readonly kind: "tcp counter"; readonly of: (totals: Tcp) => number }
  | {
      readonly kind: "histogram";
      readonly of: (totals: Http) => Distribution;
      readonly bounds: readonly number[];
      readonly exposed: readonly number[];
    }
);

const metrics: readonly Metric[] = [
  { kind: "http counter", name: "istio_requests_total", help: "Requests", of: (totals) => totals.requests },
  {
    kind: "histogram",
    name: "istio_request_duration_milliseconds",
    help: "Durations of requests",
    of: (totals) => totals.duration,
    bounds: latencyBoundsMs,
    exposed: exposedLatencyBounds,
  },
  {
    kind: "histogram",
    name: "istio_request_bytes",
    help: "Sizes of request bodies",
    of: (totals) => totals.requestBytes,
    bounds: sizeBounds,
    exposed: sizeBounds,
  },
  {
    kind: "histogram",
    name: "istio_response_bytes",
    help: "Sizes of response bodies",
    of: (totals) => totals.responseBytes,
    bounds: sizeBounds,
    exposed: sizeBounds,
  },
  {
    kind: "tcp counter",
    name: "istio_tcp_connections_opened_total",
    help: "TCP connections opened",
    of: (totals) => totals.opened,
  },
  {
    kind: "tcp counter",
    name: "istio_tcp_connections_closed_total",
    help: "TCP connections closed",
    of: (totals) => totals.closed,
  },
  {
    kind: "tcp counter",
    name: "istio_tcp_sent_bytes_total",
    help: "Bytes sent to clients over TCP connections that ended",
    of: (totals) => totals.sentBytes,
  },
  {
    kind: "tcp counter",
    name: "istio_tcp_received_bytes_total",
    help: "Bytes received from clients over TCP connections that ended",
    of: (totals) => totals.receivedBytes,
  },
];

/** The whole exposition. */
export function prometheusText(series: Iterable<Series>): string {
  const labeled = [...series].map(({ traffic, totals }) => ({ labels: labelsOf(traffic), totals }));
  return metrics
    .flatMap((metric) => {
      const lines = labeled.flatMap(({ labels, totals }) => linesOf(metric, labels, totals));
      if (lines.length === 0) return [];
      const type = metric.kind === "histogram" ? "histogram" : "counter";
      return [`# HELP ${metric.name} ${metric.help}.`, `# TYPE ${metric.name} ${type}`, ...lines];
    })
    .map((line) => `${line}\n`)
    .join("");
}

function linesOf(metric: Metric, labels: string, totals: Totals): readonly string[] {
  if (metric.kind === "tcp counter") {
    return totals.kind === "tcp" ? [`${metric.name}{${labels}} ${metric.of(totals)}`] : [];
  }
  if (totals.kind === "tcp") return [];
  if (metric.kind === "histogram") return histogramLines(metric, labels, metric.of(totals));
  return [`${metric.name}{${labels}} ${metric.of(totals)}`];
}

function histogramLines(
  metric: Extract<Metric, { kind: "histogram" }>,
  labels: string,
  { buckets, sum }: Distribution,
): readonly string[] {
  const count = buckets.reduce((total, samples) => total + samples, 0);
  if (count === 0) return [];
  const exposed = new Set(metric.exposed);
  let below = 0;
  const lines: string[] = [];
  for (const [i, bound] of metric.bounds.entries()) {
    below += buckets[i] ?? 0;
    if (exposed.has(bound)) lines.push(`${metric.name}_bucket{${labels},le="${bound}"} ${below}`);
  }
  return [
    ...lines,
    `${metric.name}_bucket{${labels},le="+Inf"} ${count}`,
    `${metric.name}_sum{${labels}} ${sum}`,
    `${metric.name}_count{${labels}} ${count}`,
  ];
}

function labelsOf(traffic: Traffic): string {
  const { source, destination, service } = traffic;
  const values: readonly (readonly [string, string])[] = [
    ["reporter", traffic.reporter],
    ...partyLabels("source", source),
    ...partyLabels("destination", destination),
    ["destination_service", service.host],
    ["destination_service_name", service.name],
    ["destination_service_namespace", service.namespace],
    ["request_protocol", traffic.protocol],
    ...(traffic.protocol === "tcp"
      ? []
      : ([
          ["response_code", traffic.responseCode],
          ["grpc_response_status", traffic.grpcStatus],
        ] as const)),
    ["response_flags", traffic.responseFlags],
    ["connection_security_policy", traffic.security],
  ];
  return values.map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function partyLabels(end: "source" | "destination", party: Party): readonly (readonly [string, string])[] {
  return [
    [`${end}_workload`, party.workload],
    [`${end}_workload_namespace`, party.namespace],
    [`${end}_principal`, party.principal],
    [`${end}_app`, party.app],
    [`${end}_version`, party.version],
    [`${end}_canonical_service`, party.canonicalService],
    [`${end}_canonical_revision`, party.canonicalRevision],
    // Istio's name for the only cluster.
    [`${end}_cluster`, "Kubernetes"],
  ];
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
