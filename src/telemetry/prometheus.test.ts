import { join } from "node:path";
import { test } from "node:test";
import { assertGolden } from "#test/helpers/golden.ts";
import { trafficOf } from "#test/helpers/traffic.ts";
import { measures } from "./measures.ts";
import { prometheusText } from "./prometheus.ts";
import { type Point, TelemetryStore } from "./store.ts";

test("the exposition has Istio's names and labels", () => {
  const store = new TelemetryStore({ now: () => 1_000_000 });
  const service = {
    service: "reviews.shop.svc.cluster.local",
    serviceName: "reviews",
    serviceNamespace: "shop",
  };
  const received = trafficOf({
    reporter: "destination",
    responseCode: "200",
    responseFlags: "-",
    ...service,
    peerPrincipal: "spiffe://cluster.local/ns/shop/sa/web",
    peerWorkload: "web.shop.workload.heddle",
  });
  const connected = trafficOf({ reporter: "source", responseFlags: "-", ...service, workload: 'a"b\\c' });
  const distribution = (
    measure: Point["measure"],
    counts: number[],
    bounds: number[],
    sum: number,
  ): Point => ({
    kind: "distribution",
    measure,
    traffic: received,
    counts,
    bounds,
    sum,
  });
  store.record({
    reporter: {
      namespace: "shop",
      pod: "reviews-v1-1",
      workload: "reviews-v1",
      principal: "spiffe://cluster.local/ns/shop/sa/reviews",
      labels: { app: "reviews", version: "v1" },
    },
    intervalMs: 5_000,
    points: [
      distribution(measures.requestDuration, [1, 5, 0, 1], [0.5, 1_000, 1e6], 6_500),
      distribution(measures.requestBytes, [7, 0], [100], 0),
      distribution(measures.responseBytes, [0, 6, 1], [100, 1_000], 4_000),
      { kind: "count", measure: measures.tcpOpened, traffic: connected, value: 2 },
      { kind: "count", measure: measures.tcpClosed, traffic: connected, value: 1 },
      { kind: "count", measure: measures.tcpSentBytes, traffic: connected, value: 1_234 },
      { kind: "count", measure: measures.tcpReceivedBytes, traffic: connected, value: 56 },
    ],
  });
  assertGolden(join(import.meta.dirname, "testdata", "exposition.prom"), prometheusText(store.series()));
});
