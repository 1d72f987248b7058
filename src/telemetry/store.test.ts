import assert from "node:assert/strict";
import { test } from "node:test";
import { trafficOf } from "#test/helpers/traffic.ts";
import { incompleteBoundMicroseconds, latencyBoundsMs, measures, type TrafficField } from "./measures.ts";
import { statOf, statOfRows, statRows } from "./stat.ts";
import { type Point, TelemetryStore } from "./store.ts";
import type { Reporter } from "./traffic.ts";

function workload(name: string, pod = `${name}-1`): Reporter {
  return {
    namespace: "shop",
    pod,
    workload: name,
    principal: `spiffe://cluster.local/ns/shop/sa/${name}`,
    labels: {},
  };
}

const toReviews = {
  reporter: "source",
  responseCode: "200",
  responseFlags: "-",
  service: "reviews.shop.svc.cluster.local",
  serviceName: "reviews",
  serviceNamespace: "shop",
  workload: "reviews-v1",
  workloadNamespace: "shop",
  upstreamProtocol: "HTTP/1.1",
  peerPrincipal: "spiffe://cluster.local/ns/shop/sa/reviews",
} satisfies Partial<Record<TrafficField, string>>;

const bounds = [incompleteBoundMicroseconds, ...latencyBoundsMs.map((bound) => bound * 1_000)];

/** `count` requests of at most 5 ms and more than 4. */
function requests(count: number, fields: Partial<Record<TrafficField, string>> = toReviews): Point {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  counts[bounds.indexOf(5_000)] = count;
  return {
    kind: "distribution",
    measure: measures.requestDuration,
    traffic: trafficOf(fields),
    counts,
    bounds,
    sum: 0,
  };
}

function opened(count: number, fields: Partial<Record<TrafficField, string>>): Point {
  return { kind: "count", measure: measures.tcpOpened, traffic: trafficOf(fields), value: count };
}

/** A store with a clock that the test turns. */
function storeAt(start: number): { store: TelemetryStore; at: (ms: number) => void } {
  let now = start;
  return { store: new TelemetryStore({ now: () => now }), at: (ms) => (now = start + ms) };
}

function only<T>(items: readonly T[]): T {
  assert.equal(items.length, 1);
  return items[0] as T;
}

test("a steady load has its rate from the first report on", () => {
  const { store, at } = storeAt(1_000_000_123);
  for (let seconds = 5; seconds <= 120; seconds += 5) {
    at(seconds * 1_000);
    store.record({ reporter: workload("web"), intervalMs: 5_000, points: [requests(500)] });
    for (const later of [0, 2_500, 4_900]) {
      at(seconds * 1_000 + later);
      const { rps } = only(statOf(store));
      assert.ok(Math.abs(rps - 100) < 0.5, `${rps} rps, ${later} ms after the report at ${seconds} s`);
    }
  }
});

test("a sidecar that has just started has its rate at once", () => {
  const { store } = storeAt(1_000_000_000);
  store.record({ reporter: workload("web"), intervalMs: 0, points: [requests(50)] });
  assert.equal(only(statOf(store)).rps, 10);
});

test("several pods that report at different times add up", () => {
  const { store, at } = storeAt(1_000_000_000);
  for (let ms = 0; ms < 60_000; ms += 1_000) {
    at(ms);
    const pod = (ms / 1_000) % 5;
    store.record({ reporter: workload("web", `web-${pod}`), intervalMs: 5_000, points: [requests(50)] });
  }
  const { rps } = only(statOf(store));
  assert.ok(Math.abs(rps - 50) < 3, `${rps} rps`);
});

test("an edge that falls silent fades and then goes", () => {
  const { store, at } = storeAt(1_000_000_000);
  for (let seconds = 5; seconds <= 60; seconds += 5) {
    at(seconds * 1_000);
    store.record({ reporter: workload("web"), intervalMs: 5_000, points: [requests(500)] });
  }
  at(75_000);
  const { rps } = only(statOf(store));
  assert.ok(Math.abs(rps - 50) < 1, `${rps} rps`);
  at(91_000);
  assert.deepEqual(statOf(store), []);
});

test("an edge that is silent while its workload reports others is idle at once", () => {
  const { store, at } = storeAt(1_000_000_000);
  const toCart = { ...toReviews, service: "cart", serviceName: "cart" };
  for (let seconds = 5; seconds <= 60; seconds += 5) {
    at(seconds * 1_000);
    const points = seconds <= 45 ? [requests(500), requests(5, toCart)] : [requests(5, toCart)];
    store.record({ reporter: workload("web"), intervalMs: 5_000, points });
  }
  const reviews = statOf(store).find(({ destination }) => destination.service === "reviews");
  assert.ok(reviews !== undefined && Math.abs(reviews.rps - 50) < 1, `${reviews?.rps} rps`);
});

test("success, latency and encryption of an edge are those of all its responses and workloads", () => {
  const { store } = storeAt(1_000_000_000);
  const points = [
    requests(90),
    requests(5, { ...toReviews, workload: "reviews-v2" }),
    requests(5, {
      ...toReviews,
      responseCode: "503",
      responseFlags: "UH",
      upstreamProtocol: "",
      peerPrincipal: "",
    }),
  ];
  store.record({ reporter: workload("web"), intervalMs: 1_000, points });
  assert.deepEqual(statOf(store), [
    {
      source: { namespace: "shop", workload: "web" },
      destination: { namespace: "shop", service: "reviews" },
      protocol: "http",
      rps: 100,
      success: 0.95,
      failures: [{ reason: "503 UH", share: 0.05 }],
      limited: 0,
      p50Ms: 4.5,
      p95Ms: 4.95,
      p99Ms: 4.99,
      mtls: true,
    },
  ]);
});

test("rows of stores that each have seen some of the pods make the answer of one that has seen all", () => {
  const [here, there, whole] = [storeAt(0), storeAt(0), storeAt(0)];
  for (const { at } of [here, there, whole]) at(5_000);
  const report = (store: TelemetryStore, pod: string, points: readonly Point[]) =>
    store.record({ reporter: workload("frontend", pod), intervalMs: 5_000, points });
  const [some, others] = [
    [requests(30)],
    [requests(10), requests(10, { ...toReviews, responseCode: "500" })],
  ];
  report(here.store, "frontend-1", some);
  report(there.store, "frontend-2", others);
  report(whole.store, "frontend-1", some);
  report(whole.store, "frontend-2", others);
  const together = statOfRows([...statRows(here.store), ...statRows(there.store)]);
  assert.deepEqual(together, statOf(whole.store));
  assert.equal(only(together).success, 0.8);
});

test("how requests failed is told by status and flags, most first, and beyond eight kinds they are one", () => {
  const { store } = storeAt(1_000_000_000);
  const failed = (count: number, responseCode: string, responseFlags: string) =>
    requests(count, { ...toReviews, responseCode, responseFlags, upstreamProtocol: "", peerPrincipal: "" });
  const record = (points: readonly Point[]) =>
    store.record({ reporter: workload("web"), intervalMs: 1_000, points });
  record([failed(10, "503", "UH"), failed(20, "504", "UT"), failed(10, "500", "-"), requests(60)]);
  const { failures, success } = only(statOf(store));
  assert.deepEqual(failures, [
    { reason: "504 UT", share: 0.2 },
    { reason: "500", share: 0.1 },
    { reason: "503 UH", share: 0.1 },
  ]);
  assert.equal(success, 0.6);
  record(Array.from({ length: 20 }, (_, index) => failed(10, String(510 + index), "-")));
  const many = only(statOf(store)).failures;
  assert.equal(many.length, 9);
  assert.equal(many[0]?.reason, "other");
});

test("nothing is known of encryption while nothing has reached a server", () => {
  const { store } = storeAt(1_000_000_000);
  const unanswered = { ...toReviews, responseCode: "503", responseFlags: "UH", upstreamProtocol: "" };
  store.record({
    reporter: workload("web"),
    intervalMs: 1_000,
    points: [requests(3, { ...unanswered, peerPrincipal: "" })],
  });
  assert.equal(only(statOf(store)).mtls, null);
  store.record({ reporter: workload("web"), intervalMs: 1_000, points: [requests(3)] });
  assert.equal(only(statOf(store)).mtls, true);
});

test("one plaintext request makes the edge plaintext", () => {
  const { store } = storeAt(1_000_000_000);
  const points = [requests(90), requests(1, { ...toReviews, peerPrincipal: "" })];
  store.record({ reporter: workload("web"), intervalMs: 1_000, points });
  assert.equal(only(statOf(store)).mtls, false);
});

test("the server's side is asked only about clients without a sidecar", () => {
  const { store } = storeAt(1_000_000_000);
  const received = {
    reporter: "destination",
    responseCode: "200",
    serviceName: "reviews",
    service: "reviews",
  };
  const points = [
    requests(10, { ...received, serviceNamespace: "shop", peerWorkload: "web.shop.workload.heddle" }),
    requests(20, { ...received, serviceNamespace: "shop" }),
  ];
  store.record({ reporter: workload("reviews-v1"), intervalMs: 1_000, points });
  const edge = only(statOf(store));
  assert.deepEqual(edge.source, { namespace: "unknown", workload: "unknown" });
  assert.equal(edge.rps, 20);
  assert.equal(edge.mtls, false);
});

test("TCP counts connections, made and refused, and has no latency", () => {
  const { store } = storeAt(1_000_000_000);
  const toDb = { ...toReviews, responseCode: "", serviceName: "db", upstreamProtocol: "" };
  const refused = { ...toDb, responseFlags: "UF,URX", peerPrincipal: "" };
  const points: Point[] = [
    opened(3, toDb),
    { kind: "count", measure: measures.tcpClosed, traffic: trafficOf(toDb), value: 2 },
    { kind: "count", measure: measures.tcpClosed, traffic: trafficOf(refused), value: 1 },
  ];
  store.record({ reporter: workload("web"), intervalMs: 1_000, points });
  const edge = only(statOf(store));
  assert.equal(edge.protocol, "tcp");
  assert.equal(edge.rps, 4);
  assert.equal(edge.success, 0.75);
  assert.equal(edge.p99Ms, null);
  assert.equal(edge.mtls, true);
});

test("only edges of the asked namespace are shown, from either end", () => {
  const { store } = storeAt(1_000_000_000);
  const elsewhere = { ...toReviews, serviceNamespace: "other" };
  store.record({
    reporter: workload("web"),
    intervalMs: 1_000,
    points: [requests(1), requests(1, elsewhere)],
  });
  assert.equal(statOf(store, { namespace: "other" }).length, 1);
  assert.equal(statOf(store, { namespace: "shop" }).length, 2);
  assert.equal(statOf(store, { namespace: "none" }).length, 0);
});

test("hours are answered from coarse slots", () => {
  const { store, at } = storeAt(1_000_000_000);
  for (let seconds = 5; seconds <= 3_600; seconds += 5) {
    at(seconds * 1_000);
    store.record({ reporter: workload("web"), intervalMs: 5_000, points: [requests(50)] });
  }
  const { rps, p50Ms } = only(statOf(store, { windowMs: 3_600_000 }));
  assert.ok(Math.abs(rps - 10) < 0.2, `${rps} rps`);
  assert.equal(p50Ms, 4.5);
});

test("memory stays within its limit, and what is in use stays", () => {
  let now = 1_000_000_000;
  const store = new TelemetryStore({ maximumBytes: 500_000, now: () => now });
  for (let i = 0; i < 1_000; i++) {
    now += 1_000;
    const stranger = { ...toReviews, service: `s${i}`, serviceName: `s${i}` };
    store.record({
      reporter: workload("web"),
      intervalMs: 1_000,
      points: [requests(10), requests(1, stranger)],
    });
  }
  assert.ok(store.bytes <= 500_000);
  const reviews = statOf(store).find(({ destination }) => destination.service === "reviews");
  assert.equal(reviews?.rps, 10);
});
