// What the health listener of a sidecar can be built of: HTTP probes sent on to the address that the kubelet
// dialled, so that no configuration holds it, TCP and gRPC probes answered by active health checks.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { HealthCheckSchema } from "@heddle/envoy-api/envoy/config/core/v3/health_check";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { RouteSchema } from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { HealthCheckSchema as HealthCheckFilterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/health_check/v3/health_check";
import { OriginalDstSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import { extension, type Init, milliseconds, socketAddress } from "#test/helpers/config.ts";
import { type Answer, request, startEcho } from "#test/helpers/http.ts";
import { createPodNetwork, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { inboundCluster, inboundListener, sidecarRules } from "./mutual-tls.ts";
import { fixedCluster, plainManager, routerFilter } from "./plain.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const address = "10.244.0.2";
const ports = { health: 15021, http: 8080, tcp: 9000, closed: 9999, grpc: 9090 } as const;
let node: Namespace;
let sidecar: Sidecar;

/** The pod at the address that the prober dialled, on the port that the cluster names. */
const httpProbeCluster = (port: number): AdsResource =>
  ads("cluster", ClusterSchema, {
    name: `probe|http|${port}`,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    lbConfig: { case: "originalDstLbConfig", value: { upstreamPortOverride: port } },
    connectTimeout: milliseconds(1_000),
    upstreamBindConfig: {
      sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue", value: 0 } },
    },
  });

const checked = (
  name: string,
  port: number,
  healthChecker: NonNullable<Init<typeof HealthCheckSchema>["healthChecker"]>,
): AdsResource =>
  fixedCluster(name, [`127.0.0.1:${port}`], {
    healthChecks: [
      {
        timeout: milliseconds(1_000),
        interval: milliseconds(200),
        noTrafficInterval: milliseconds(200),
        noTrafficHealthyInterval: milliseconds(200),
        unhealthyThreshold: 1,
        healthyThreshold: 1,
        healthChecker,
      },
    ],
  });

/** Answers one path by the health of one cluster. */
const checkFilter = (path: string, cluster: string): ReturnType<typeof extension> =>
  extension("envoy.filters.http.health_check", HealthCheckFilterSchema, {
    passThroughMode: false,
    headers: [
      {
        name: ":path",
        headerMatchSpecifier: {
          case: "stringMatch",
          value: { matchPattern: { case: "exact", value: path } },
        },
      },
    ],
    clusterMinHealthyPercentages: { [cluster]: { value: 100 } },
  });

const httpRoute = (port: number): Init<typeof RouteSchema> => ({
  match: { pathSpecifier: { case: "prefix", value: `/http/${port}/` } },
  action: {
    case: "route",
    value: {
      clusterSpecifier: { case: "cluster", value: `probe|http|${port}` },
      prefixRewrite: "/",
      timeout: milliseconds(0),
    },
  },
});

const readyRoute: Init<typeof RouteSchema> = {
  match: { pathSpecifier: { case: "path", value: "/ready" } },
  action: { case: "directResponse", value: { status: 200 } },
};

const healthManager = plainManager({
  routeSpecifier: {
    case: "routeConfig",
    value: {
      virtualHosts: [
        {
          name: "probes",
          domains: ["*"],
          routes: [readyRoute, httpRoute(ports.http), httpRoute(ports.closed)],
        },
      ],
    },
  },
  httpFilters: [
    checkFilter(`/tcp/${ports.tcp}`, `probe|tcp|${ports.tcp}`),
    checkFilter(`/grpc/${ports.grpc}/`, `probe|grpc|${ports.grpc}`),
    routerFilter,
  ],
});

const healthListener = ads("listener", ListenerSchema, {
  name: "health",
  address: socketAddress("0.0.0.0", ports.health),
  // Nothing is redirected here, but only what this filter found counts as a destination for ORIGINAL_DST.
  listenerFilters: [extension("envoy.filters.listener.original_dst", OriginalDstSchema, {})],
  filterChains: [{ filters: [healthManager] }],
});

/** A probe as the kubelet sends it: from the node, to the pod's address. */
async function probe(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const socket = await node.connect(address, ports.health);
  return request(socket, { path, headers: { host: address, connection: "close", ...headers } });
}

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  node = network.node;
  const pod = await network.pod(address);
  stack.adopt(startEcho(await pod.listen(ports.http, address), "app"), (app) => app.close());
  const clusters = [
    inboundCluster,
    httpProbeCluster(ports.http),
    httpProbeCluster(ports.closed),
    checked(`probe|tcp|${ports.tcp}`, ports.tcp, { case: "tcpHealthCheck", value: {} }),
    checked(`probe|grpc|${ports.grpc}`, ports.grpc, {
      case: "grpcHealthCheck",
      value: { authority: "localhost" },
    }),
  ];
  sidecar = await startSidecar(
    stack,
    pod,
    (type) => {
      if (type === "listener") return [healthListener, inboundListener({ plaintextOnly: true })];
      return type === "cluster" ? clusters : [];
    },
    { rules: sidecarRules, listener: "health" },
  );
});

test("the listener that came by LDS says that the sidecar is configured", async () => {
  assert.equal((await probe("/ready")).status, 200);
});

test("an HTTP probe reaches the application at the pod's address, with its path, query and headers", async () => {
  const echo = (await probe(`/http/${ports.http}/healthz?full=1`, { "x-probe": "1", host: "given" })).echo();
  assert.equal(echo.url, "/healthz?full=1");
  assert.equal(echo.headers["x-probe"], "1");
  assert.equal(echo.headers.host, "given");
  assert.equal(echo.peer, "127.0.0.6");
});

test("an HTTP probe of a closed port fails, an unlisted port or path is not found", async () => {
  assert.equal((await probe(`/http/${ports.closed}/`)).status, 503);
  assert.equal((await probe("/http/1234/")).status, 404);
  assert.equal((await probe("/other")).status, 404);
});

test("a TCP probe follows the port: down, up, down", async () => {
  const path = `/tcp/${ports.tcp}`;
  const becomes = (status: number): Promise<void> =>
    until(async () => (await probe(path)).status === status, `${path} to become ${status}`);
  await becomes(503);
  const server = net.createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(await sidecar.pod.listen(ports.tcp));
  await becomes(200);
  server.close();
  await becomes(503);
});

test("a gRPC probe of a port where nothing listens fails", async () => {
  assert.equal((await probe(`/grpc/${ports.grpc}/`)).status, 503);
});
