// What telemetry relies on in the real Envoy: names, tags, buckets and moments of what its stats access logger counts
// and its OpenTelemetry sink sends.
import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  HistogramDataPoint,
  Metric,
  NumberDataPoint,
} from "@heddle/envoy-api/opentelemetry/proto/metrics/v1/metrics";
import { histogramBucketSettings, incompleteBoundMicroseconds, measures } from "#telemetry/measures.ts";
import { statOf } from "#telemetry/stat.ts";
import { type Measure, type Point, TelemetryStore } from "#telemetry/store.ts";
import { until } from "#test/helpers/wait.ts";
import { startTelemetryMesh } from "./telemetry.ts";

const mesh = await startTelemetryMesh({ evictionSeconds: 2 });
after(() => mesh.close());

const client = "spiffe://cluster.local/ns/shop/sa/web";
const server = "spiffe://cluster.local/ns/shop/sa/reviews";
const reviews = "reviews.shop.svc.cluster.local;reviews;shop";
const atClient = `${reviews}|reviews-v1;shop;;`;
const atServer = `${client}|web.shop.workload.heddle||${reviews}|`;

function points(measure: Measure): readonly Point[] {
  return mesh.reports.flatMap((report) => report.points).filter((point) => point.measure === measure);
}

/** How many samples, or how much, was reported with that tag. */
function total(measure: Measure, traffic: string): number {
  return points(measure)
    .filter((point) => point.traffic === traffic)
    .map((point) =>
      point.kind === "count" ? point.value : point.counts.reduce((sum, count) => sum + count, 0),
    )
    .reduce((sum, value) => sum + value, 0);
}

/** Waits until a tag's total is there, and shows what came instead if it does not. */
async function reported(measure: Measure, traffic: string, expected: number): Promise<void> {
  await until(() => total(measure, traffic) >= expected, `${measure} of ${traffic}`).catch(() => {
    const seen = [...new Set(points(measure).map((point) => point.traffic))].join("\n");
    assert.fail(`${expected} × ${measure} of\n${traffic}\nwere not reported; there are\n${seen}`);
  });
  assert.equal(total(measure, traffic), expected);
}

function get(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath, path, headers: { host: "reviews" }, agent: false }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      })
      .on("error", reject);
  });
}

test("a request over mutual TLS is reported by both sides, with the other's identity", async () => {
  for (let i = 0; i < 3; i++) assert.equal(await get(mesh.sockets.http, "/"), 200);
  await reported(measures.requestDuration, `source|200|-||${server}||HTTP/1.1|${atClient}`, 3);
  await reported(measures.requestDuration, `destination|200|-||${atServer}`, 3);
  await reported(measures.responseBytes, `destination|200|-||${atServer}`, 3);
});

test("the names on the wire are prefix and measure, and the mesh's tag is the only attribute", () => {
  const names = new Set(mesh.metrics.map(({ name }) => name));
  assert.ok(names.has("heddle.request_duration_microseconds"), [...names].join());
  for (const { data } of mesh.metrics) {
    assert.ok(data.case === "histogram" || data.case === "sum");
    assert.equal(data.value.aggregationTemporality, 1, "deltas");
    for (const { attributes } of data.value.dataPoints) {
      assert.deepEqual(
        attributes.map(({ key }) => key),
        ["traffic"],
      );
    }
  }
});

test("durations come in the buckets of the bootstrap, in microseconds, each report covering one flush", async () => {
  assert.equal(await get(mesh.sockets.http, "/"), 200);
  await reported(measures.requestDuration, `source|200|-||${server}||HTTP/1.1|${atClient}`, 4);
  const [point] = points(measures.requestDuration);
  assert.ok(point?.kind === "distribution");
  assert.deepEqual(point.bounds, histogramBucketSettings[0].buckets);
  assert.equal(point.bounds[0], incompleteBoundMicroseconds);
  assert.equal(point.counts[0], 0);
  // Envoy's first report says that it began in 1970.
  const intervals = intervalsOf(mesh.metrics).filter(([begin]) => begin > 0);
  assert.ok(intervals.length > 0);
  for (const [index, [begin, end]] of intervals.entries()) {
    assert.ok(end - begin > 500, `${end - begin} ms`);
    assert.ok(
      begin >= (intervals[index - 1]?.[1] ?? 0),
      "it begins where an earlier one has ended, or later",
    );
  }
  for (const { intervalMs } of mesh.reports) assert.ok(intervalMs < 60_000, `${intervalMs} ms`);
});

test("gRPC requests carry their status, HTTP requests none", async () => {
  await grpcCall("/grpc/5");
  await reported(measures.requestDuration, `source|200|-|5|${server}||HTTP/2|${atClient}`, 1);
  await reported(measures.requestDuration, `destination|200|-|5|${atServer}`, 1);
});

test("without an endpoint, or without a connection to it, there is no peer and no upstream protocol", async () => {
  assert.equal(await get(mesh.sockets.http, "/gone"), 503);
  assert.equal(await get(mesh.sockets.http, "/refused"), 503);
  const gone = "gone.shop.svc.cluster.local;gone;shop|";
  const refused = "refused.shop.svc.cluster.local;refused;shop|refused-v1;shop;;";
  await reported(measures.requestDuration, `source|503|UH|||||${gone}`, 1);
  await reported(measures.requestDuration, `source|503|UF|||||${refused}`, 1);
});

test("plaintext is told by the absence of a peer where there was an upstream, and on the server's side by that alone", async () => {
  assert.equal(await get(mesh.sockets.http, "/legacy"), 200);
  assert.equal(await get(mesh.sockets.plain, "/status/500"), 500);
  await reported(
    measures.requestDuration,
    "source|200|-||||HTTP/1.1|legacy.shop.svc.cluster.local;legacy;shop|legacy;old;;",
    1,
  );
  await reported(measures.requestDuration, `destination|500|-|||||${reviews}|`, 1);
});

test("a request that the client gave up is counted in the lowest bucket, and Envoy logs no error about it", async () => {
  const request = http.get({ socketPath: mesh.sockets.http, path: "/slow", agent: false });
  request.on("error", () => {});
  await until(() => mesh.slowRequests() === 1, "the request to be under way");
  request.destroy();
  const traffic = `source|0|DC||${server}||HTTP/1.1|${atClient}`;
  await reported(measures.requestDuration, traffic, 1);
  const point = points(measures.requestDuration).find((candidate) => candidate.traffic === traffic);
  assert.ok(point?.kind === "distribution");
  assert.equal(point.counts[0], 1);
  assert.doesNotMatch(mesh.envoy.output(), /Stats access logger/);
});

test("a TCP connection is counted when it is made, and with its bytes when it ends", async () => {
  const db = "db.shop.svc.cluster.local;db;shop";
  const source = `source||-||${server}|||${db}|db;shop;;`;
  const destination = `destination||-||${client}|web.shop.workload.heddle||${db}|`;
  const socket = await greeted(mesh.sockets.tcp);
  await reported(measures.tcpOpened, source, 1);
  await reported(measures.tcpOpened, destination, 1);
  assert.equal(total(measures.tcpClosed, source), 0);
  socket.end("0123456789");
  for (const traffic of [source, destination]) {
    await reported(measures.tcpClosed, traffic, 1);
    await reported(measures.tcpSentBytes, traffic, 15);
    await reported(measures.tcpReceivedBytes, traffic, 10);
  }
});

test("a plaintext TCP connection is counted by the server's side without a peer", async () => {
  const socket = await greeted(mesh.sockets.tcpPlain);
  await reported(measures.tcpOpened, "destination||-|||||db.shop.svc.cluster.local;db;shop|", 1);
  socket.destroy();
});

test("a refused TCP connection is only counted as closed, with the flag of the failure", async () => {
  net.connect(mesh.sockets.tcpRefused).on("error", () => undefined);
  const refused = "refused.shop.svc.cluster.local;refused;shop|refused-v1;shop;;";
  await reported(measures.tcpClosed, `source||UF,URX|||||${refused}`, 1);
  assert.equal(points(measures.tcpOpened).filter(({ traffic }) => traffic.endsWith(refused)).length, 0);
});

test("idle sidecars send nothing, forget idle series, and count on exactly", async () => {
  const filter = "/stats?filter=heddle";
  await until(async () => (await mesh.envoy.admin(filter)).trim() === "", "eviction of all series");
  // The last report may still be under way.
  await until(async () => {
    const before = mesh.reports.length;
    await sleep(2_500);
    return mesh.reports.length === before;
  }, "silence for longer than between two reports");
  const traffic = `source|200|-||${server}||HTTP/1.1|${atClient}`;
  const had = total(measures.requestDuration, traffic);
  await get(mesh.sockets.http, "/");
  await reported(measures.requestDuration, traffic, had + 1);
});

test("the store makes of the reports what heddle stat shows", () => {
  const store = new TelemetryStore();
  for (const report of mesh.reports) store.record(report);
  const edge = statOf(store).find(
    ({ destination, protocol }) => destination.service === "reviews" && protocol === "http",
  );
  assert.deepEqual(edge?.source, { namespace: "shop", workload: "web" });
  assert.equal(edge.mtls, true);
  assert.equal(edge.success, 1);
  assert.ok(edge.p50Ms !== null && edge.p50Ms > 0 && edge.p50Ms < 1_000);
});

/** What reports cover, from when to when in milliseconds, each once and in order. */
function intervalsOf(metrics: readonly Metric[]): readonly (readonly [begin: number, end: number])[] {
  const all = metrics.flatMap(({ data }): readonly (HistogramDataPoint | NumberDataPoint)[] =>
    data.case === "histogram" || data.case === "sum" ? data.value.dataPoints : [],
  );
  const intervals = new Map(all.map((point) => [point.timeUnixNano, point.startTimeUnixNano]));
  return [...intervals]
    .map(([end, begin]) => [Number(begin) / 1e6, Number(end) / 1e6] as const)
    .sort(([a], [b]) => a - b);
}

/** A connection over which the server spoke first. */
async function greeted(path: string): Promise<net.Socket> {
  const socket = net.connect(path);
  const greeting = await new Promise((resolve, reject) => socket.once("data", resolve).once("error", reject));
  assert.equal(String(greeting), "hello");
  return socket;
}

function grpcCall(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = http2.connect("http://reviews", {
      createConnection: () => net.connect(mesh.sockets.http),
    });
    const call = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    call.on("error", reject);
    call.on("close", () => {
      session.close();
      resolve();
    });
    call.resume().end();
  });
}
