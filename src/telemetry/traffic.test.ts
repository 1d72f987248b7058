import assert from "node:assert/strict";
import { test } from "node:test";
import { trafficOf } from "#test/helpers/traffic.ts";
import { countedLater, type TrafficField } from "./measures.ts";
import { parseTraffic, type Reporter, type Traffic } from "./traffic.ts";

const web: Reporter = {
  namespace: "shop",
  pod: "web-1",
  workload: "web",
  principal: "spiffe://cluster.local/ns/shop/sa/web",
  labels: { app: "web", version: "v1" },
};

function read(fields: Partial<Record<TrafficField, string>>, transport: "http" | "tcp" = "http"): Traffic {
  const traffic = parseTraffic(
    transport,
    trafficOf({ reporter: "source", responseCode: "200", ...fields }),
    web,
  );
  assert.ok(traffic !== undefined);
  return traffic;
}

test("the client's side knows itself from its token and the server from endpoint and certificate", () => {
  const traffic = read({
    service: "reviews.shop.svc.cluster.local",
    serviceName: "reviews",
    serviceNamespace: "shop",
    workload: "reviews-v1",
    workloadNamespace: "shop",
    peerPrincipal: "spiffe://cluster.local/ns/shop/sa/reviews",
    upstreamProtocol: "HTTP/1.1",
  });
  assert.equal(traffic.source.workload, "web");
  assert.equal(traffic.source.version, "v1");
  assert.equal(traffic.destination.workload, "reviews-v1");
  assert.equal(traffic.destination.principal, "spiffe://cluster.local/ns/shop/sa/reviews");
  assert.deepEqual(traffic.service, {
    host: "reviews.shop.svc.cluster.local",
    name: "reviews",
    namespace: "shop",
  });
  assert.equal(traffic.security, "mutual_tls");
});

test("what an authority outside of the mesh says of a server is no identity", () => {
  const traffic = read({
    service: "api.example.com",
    authority: "foreign",
    peerPrincipal: "spiffe://cluster.local/ns/shop/sa/reviews",
    upstreamProtocol: "HTTP/1.1",
  });
  assert.equal(traffic.destination.principal, "unknown");
  assert.equal(traffic.security, "none");
});

test("the server's side knows the client from its certificate alone", () => {
  const traffic = read({
    reporter: "destination",
    peerPrincipal: "spiffe://cluster.local/ns/shop/sa/cart",
    peerWorkload: "cart.v2.shop.workload.heddle",
  });
  assert.equal(traffic.source.workload, "cart.v2");
  assert.equal(traffic.source.namespace, "shop");
  assert.equal(traffic.destination.workload, "web");
});

test("a client without certificate is unknown, and its traffic plaintext", () => {
  const traffic = read({ reporter: "destination" });
  assert.equal(traffic.source.workload, "unknown");
  assert.equal(traffic.source.namespace, "unknown");
  assert.equal(traffic.security, "none");
});

test("a request that reached no server says nothing about encryption", () => {
  assert.equal(read({ responseCode: "503", responseFlags: "UH" }).security, "unknown");
  assert.equal(read({ upstreamProtocol: "HTTP/2" }).security, "none");
  assert.equal(read({ responseCode: "", responseFlags: "UF,URX" }, "tcp").security, "unknown");
});

test("server errors, failing gRPC statuses and lost connections are failures, what the client does is none", () => {
  const cases: readonly (readonly [Partial<Record<TrafficField, string>>, string | undefined])[] = [
    [{ responseCode: "200" }, undefined],
    [{ responseCode: "404" }, undefined],
    [{ responseCode: "500", responseFlags: "-" }, "500"],
    [{ responseCode: "503", responseFlags: "UF" }, "503 UF"],
    [{ responseCode: "503", responseFlags: "<none of Envoy's>" }, "unknown"],
    [{ responseCode: "0", responseFlags: "DC" }, undefined],
    [{ responseCode: "0", responseFlags: "DR" }, undefined],
    [{ responseCode: "0", responseFlags: "UC" }, "0 UC"],
    [{ grpcStatus: "0" }, undefined],
    [{ grpcStatus: "5" }, undefined],
    [{ grpcStatus: "14" }, "grpc 14"],
  ];
  for (const [fields, failure] of cases) assert.equal(read(fields).failure, failure, JSON.stringify(fields));
  assert.equal(read({ responseCode: "", responseFlags: "UF,URX" }, "tcp").failure, "UF,URX");
});

test("a request is gRPC when it has a gRPC status", () => {
  assert.equal(read({ grpcStatus: "0" }).protocol, "grpc");
  assert.equal(read({}).protocol, "http");
  assert.equal(read({ responseCode: "" }, "tcp").protocol, "tcp");
});

test("a call to a pod's own address is named after the workload", () => {
  const traffic = read({ workload: "reviews-v1", workloadNamespace: "shop" });
  assert.deepEqual(traffic.service, { host: "unknown", name: "reviews-v1", namespace: "shop" });
});

test("tags of another form are not read", () => {
  assert.equal(parseTraffic("http", "source|200", web), undefined);
  assert.equal(parseTraffic("http", trafficOf({ reporter: "elsewhere" }), web), undefined);
});

test("a connection that passes through the proxy once more is read only there", () => {
  const traffic = trafficOf({ reporter: "source", service: countedLater });
  assert.equal(parseTraffic("tcp", traffic, web), undefined);
});
