import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ExportMetricsServiceRequestSchema } from "@heddle/envoy-api/opentelemetry/proto/collector/metrics/v1/metrics_service";
import type { MetricSchema } from "@heddle/envoy-api/opentelemetry/proto/metrics/v1/metrics";
import { decodeReport } from "./otlp.ts";
import type { Reporter } from "./traffic.ts";

const reporter: Reporter = { namespace: "shop", pod: "web-1", workload: "web", principal: "p", labels: {} };

function report(metrics: MessageInitShape<typeof MetricSchema>[]) {
  const request = create(ExportMetricsServiceRequestSchema, {
    resourceMetrics: [{ scopeMetrics: [{ metrics }] }],
  });
  return decodeReport(toBinary(ExportMetricsServiceRequestSchema, request), reporter);
}

const traffic = (value: string) => [
  { key: "traffic", value: { value: { case: "stringValue" as const, value } } },
];
const covering = (seconds: number) => ({
  startTimeUnixNano: 10n,
  timeUnixNano: 10n + BigInt(seconds) * 1_000_000_000n,
});

test("measures are read with the tag as it is, and with the time that they cover", () => {
  const counted = { value: { case: "asInt" as const, value: 3n }, attributes: traffic("t"), ...covering(5) };
  const { points, intervalMs } = report([
    {
      name: "heddle.tcp_connections_opened_total",
      data: { case: "sum", value: { dataPoints: [counted] } },
    },
  ]);
  assert.deepEqual(points, [
    { kind: "count", measure: "tcp_connections_opened_total", traffic: "t", value: 3 },
  ]);
  assert.equal(intervalMs, 5_000);
});

test("Envoy's own statistics are no measures, and still tell how far the report reaches", () => {
  const { points, intervalMs } = report([
    { name: "control_plane.connected_state", data: { case: "gauge", value: { dataPoints: [covering(2)] } } },
  ]);
  assert.deepEqual(points, []);
  assert.equal(intervalMs, 2_000);
});

test("the first report of an Envoy, which reaches back for decades, covers what nobody knows", () => {
  const since1970 = { startTimeUnixNano: 1_800_000_000_000_000n, timeUnixNano: 1_795_688_000_000_000_000n };
  const { intervalMs } = report([
    { name: "control_plane.connected_state", data: { case: "gauge", value: { dataPoints: [since1970] } } },
  ]);
  assert.equal(intervalMs, 0);
});

test("what the mesh did not configure is not taken: other tags, negative counts, histograms without their buckets", () => {
  const name = "heddle.tcp_connections_opened_total";
  const minus = { value: { case: "asInt" as const, value: -3n }, attributes: traffic("t") };
  const untagged = { value: { case: "asInt" as const, value: 3n } };
  const long = { ...untagged, attributes: traffic("x".repeat(10_000)) };
  const bucketless = { count: 3n, explicitBounds: [1, 2], bucketCounts: [1n], attributes: traffic("t") };
  const { points } = report([
    { name, data: { case: "sum", value: { dataPoints: [minus, untagged, long] } } },
    {
      name: "heddle.request_duration_microseconds",
      data: { case: "histogram", value: { dataPoints: [bucketless] } },
    },
  ]);
  assert.deepEqual(points, []);
});

test("bytes that are no report are refused", () => {
  assert.throws(
    () => decodeReport(Buffer.from("no protobuf at all"), reporter),
    /ExportMetricsServiceRequest/,
  );
});
