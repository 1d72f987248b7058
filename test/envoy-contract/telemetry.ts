// One Envoy that is both sidecars of a call, over Unix sockets, with the mesh's own access loggers and sink.
import { mkdirSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { join } from "node:path";
import { create, fromBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { AccessLogSchema } from "@heddle/envoy-api/envoy/config/accesslog/v3/accesslog";
import { ExportMetricsServiceRequestSchema } from "@heddle/envoy-api/opentelemetry/proto/collector/metrics/v1/metrics_service";
import type { Metric } from "@heddle/envoy-api/opentelemetry/proto/metrics/v1/metrics";
import { openAuthority } from "#identity/authority.ts";
import {
  httpStats,
  peerBeforeUpstream,
  type ReportingSide,
  tcpAccessLogOptions,
  tcpStats,
} from "#telemetry/access-log.ts";
import {
  endpointMetadataKey,
  histogramBucketSettings,
  joinEndpoint,
  joinService,
  serviceMetadataKey,
} from "#telemetry/measures.ts";
import { metricsService } from "#telemetry/otlp.ts";
import type { Report } from "#telemetry/store.ts";
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";
import { toEnvoyJson } from "#test/helpers/envoy-json.ts";
import { makeScratch } from "#test/helpers/scratch.ts";

/** A running pair of sidecars and what they reported. */
export interface TelemetryMesh {
  readonly envoy: Envoy;
  readonly reports: readonly Report[];
  /** The metrics as they were sent, all of them in order. */
  readonly metrics: readonly Metric[];
  /** How many requests for `/slow`, which is never answered, have reached the application. */
  slowRequests(): number;
  /** Unix sockets: HTTP and TCP of the client's sidecar, HTTP and TCP of the server's for clients without one. */
  readonly sockets: {
    readonly http: string;
    readonly tcp: string;
    readonly tcpRefused: string;
    readonly plain: string;
    readonly tcpPlain: string;
  };
  close(): Promise<void>;
}

const typed = (type: string, fields: object) => ({ "@type": `type.googleapis.com/${type}`, ...fields });
const accessLog = (logs: ReturnType<typeof httpStats>) =>
  logs.map((log) => toEnvoyJson(AccessLogSchema, create(AccessLogSchema, log)));
const service = (name: string) => ({
  filter_metadata: {
    heddle: {
      [serviceMetadataKey]: joinService({
        service: `${name}.shop.svc.cluster.local`,
        serviceName: name,
        serviceNamespace: "shop",
      }),
    },
  },
});
const workload = (name: string, namespace: string) => ({
  metadata: {
    filter_metadata: {
      heddle: {
        [endpointMetadataKey]: joinEndpoint({
          workload: name,
          workloadNamespace: namespace,
          app: "",
          version: "",
        }),
      },
    },
  },
});
const route = (prefix: string, target: string) => ({ match: { prefix }, route: { cluster: target } });
const tlsSocket = (type: string, fields: object) => ({
  name: "envoy.transport_sockets.tls",
  typed_config: typed(`envoy.extensions.transport_sockets.tls.v3.${type}`, fields),
});
const sameProtocol = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    { use_downstream_protocol_config: { http2_protocol_options: {} } },
  ),
};
const anyHttp = { typed_extension_protocol_options: sameProtocol };
const http2Only = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    { explicit_http_config: { http2_protocol_options: {} } },
  ),
};

/** Starts it; sidecars report as `shop/web`, whichever side they are. */
export async function startTelemetryMesh(
  options: { readonly evictionSeconds?: number } = {},
): Promise<TelemetryMesh> {
  const scratch = makeScratch("telemetry");
  const folder = scratch.path;
  const path = (name: string) => join(folder, `${name}.sock`);
  const metrics: Metric[] = [];
  const reports: Report[] = [];
  const collector = await startCollector(path("otlp"), metrics, reports);
  let slow = 0;
  const application = startApplication(path("application"), path("echo"), () => slow++);
  const tls = await certificates(join(folder, "ca"));
  const envoy = await startEnvoy(bootstrap(path, tls, options.evictionSeconds ?? 1_000));
  return {
    envoy,
    reports,
    metrics,
    slowRequests: () => slow,
    sockets: {
      http: path("http"),
      tcp: path("tcp"),
      tcpRefused: path("tcp-refused"),
      plain: path("inbound-plain"),
      tcpPlain: path("inbound-tcp-plain"),
    },
    close: async () => {
      await envoy.stop();
      application();
      collector.forceShutdown();
      scratch.remove();
    },
  };
}

async function startCollector(socket: string, metrics: Metric[], reports: Report[]): Promise<grpc.Server> {
  const server = new grpc.Server();
  const { definition, implementation } = metricsService(
    async (metadata) =>
      metadata.get("authorization")[0] === "Bearer web"
        ? {
            namespace: "shop",
            pod: "web-1",
            workload: "web",
            principal: "spiffe://cluster.local/ns/shop/sa/web",
            labels: {},
          }
        : { refused: "no token" },
    (report) => reports.push(report),
  );
  const take = implementation.export as grpc.handleUnaryCall<Buffer, Buffer>;
  server.addService(definition, {
    export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      const request = fromBinary(ExportMetricsServiceRequestSchema, call.request);
      metrics.push(
        ...request.resourceMetrics.flatMap((resource) =>
          resource.scopeMetrics.flatMap((scope) => scope.metrics),
        ),
      );
      take(call, callback);
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return server;
}

/** Answers as the path says: `/status/500`, `/slow`, gRPC `/grpc/5`; greets over TCP and then echoes. Gives how to stop it. */
function startApplication(httpSocket: string, tcpSocket: string, onSlow: () => void): () => void {
  const sockets = new Set<net.Socket>();
  const one = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (request.url === "/slow") return onSlow();
    response.statusCode = Number(/^\/status\/(\d+)/.exec(request.url ?? "")?.[1] ?? 200);
    response.end("hello");
  });
  const two = http2.createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/grpc" });
    response.addTrailers({ "grpc-status": /^\/grpc\/(\d+)/.exec(request.url)?.[1] ?? "0" });
    response.end();
  });
  const servers = [
    net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("data", (first) => {
        socket.pause();
        socket.unshift(first);
        if (first.toString("latin1").startsWith("PRI")) two.emit("connection", socket);
        else one.emit("connection", socket.resume());
      });
    }),
    net.createServer((socket) => {
      socket.write("hello");
      socket.pipe(socket).on("error", () => undefined);
    }),
  ];
  servers[0]?.listen(httpSocket);
  servers[1]?.listen(tcpSocket);
  return () => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  };
}

interface Tls {
  readonly client: object;
  readonly server: object;
}

async function certificates(directory: string): Promise<Tls> {
  mkdirSync(directory, { mode: 0o700 });
  const authority = await openAuthority(directory, { trustDomain: "cluster.local" });
  const context = async (name: string, serviceAccount: string) => {
    const identity = { namespace: "shop", serviceAccount, workload: name };
    const issued = await authority.issueWorkload(identity, 3_600_000);
    return {
      tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
      tls_certificates: [
        {
          certificate_chain: { inline_string: issued.chainPem },
          private_key: { inline_string: issued.keyPem.reveal() },
        },
      ],
      validation_context: {
        trusted_ca: { inline_string: authority.rootPem },
        match_typed_subject_alt_names: [{ san_type: "URI", matcher: { prefix: "spiffe://cluster.local/" } }],
      },
    };
  };
  return {
    client: tlsSocket("UpstreamTlsContext", { common_tls_context: await context("web", "web") }),
    server: tlsSocket("DownstreamTlsContext", {
      require_client_certificate: true,
      common_tls_context: await context("reviews-v1", "reviews"),
    }),
  };
}

function bootstrap(path: (name: string) => string, tls: Tls, evictionSeconds: number): object {
  const pipe = (name: string) => ({ pipe: { path: path(name) } });
  const connectionManager = (side: ReportingSide, routes: readonly object[]) => ({
    name: "envoy.filters.network.http_connection_manager",
    typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
      stat_prefix: side,
      route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
      access_log: accessLog(httpStats(side)),
      http_filters: [
        {
          name: "envoy.filters.http.router",
          typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}),
        },
      ],
    }),
  });
  const tcpProxy = (side: ReportingSide, cluster: string) => ({
    name: "envoy.filters.network.tcp_proxy",
    typed_config: typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
      stat_prefix: side,
      cluster,
      access_log: accessLog(tcpStats(side)),
      access_log_options: { flush_access_log_on_connected: tcpAccessLogOptions.flushAccessLogOnConnected },
      // At the server's end the peer is known only after the handshake.
      ...(side === "destination"
        ? {
            upstream_connect_mode: peerBeforeUpstream.upstreamConnectMode,
            max_early_data_bytes: peerBeforeUpstream.maxEarlyDataBytes,
          }
        : {}),
    }),
  });
  const listener = (name: string, filter: object, transport_socket?: object) => ({
    name,
    address: pipe(name),
    filter_chains: [{ filters: [filter], ...(transport_socket === undefined ? {} : { transport_socket }) }],
  });
  const cluster = (name: string, target: string | undefined, more: object = {}, endpoint: object = {}) => ({
    name,
    type: "STATIC",
    load_assignment: {
      cluster_name: name,
      endpoints:
        target === undefined
          ? []
          : [{ lb_endpoints: [{ endpoint: { address: pipe(target) }, ...endpoint }] }],
    },
    ...more,
  });
  const sink = typed("envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig", {
    grpc_service: {
      envoy_grpc: { cluster_name: "otlp" },
      initial_metadata: [{ key: "authorization", value: "Bearer web" }],
    },
    report_counters_as_deltas: true,
    report_histograms_as_deltas: true,
  });
  return {
    node: { id: "web-1", cluster: "web" },
    stats_flush_interval: "1s",
    stats_eviction_interval: `${evictionSeconds}s`,
    stats_config: {
      use_all_default_tags: false,
      stats_matcher: { inclusion_list: { patterns: [{ prefix: "heddle" }] } },
      histogram_bucket_settings: histogramBucketSettings,
    },
    stats_sinks: [{ name: "envoy.stat_sinks.open_telemetry", typed_config: sink }],
    static_resources: {
      listeners: [
        listener(
          "http",
          connectionManager("source", [
            route("/gone", "gone"),
            route("/refused", "refused"),
            route("/legacy", "legacy"),
            route("/", "reviews"),
          ]),
        ),
        listener("inbound", connectionManager("destination", [route("/", "application")]), tls.server),
        listener("inbound-plain", connectionManager("destination", [route("/", "application")])),
        listener("tcp", tcpProxy("source", "db")),
        listener("tcp-refused", tcpProxy("source", "refused")),
        listener("inbound-tcp", tcpProxy("destination", "echo"), tls.server),
        listener("inbound-tcp-plain", tcpProxy("destination", "echo")),
      ],
      clusters: [
        cluster("otlp", "otlp", { typed_extension_protocol_options: http2Only }),
        cluster(
          "reviews",
          "inbound",
          { ...anyHttp, metadata: service("reviews"), transport_socket: tls.client },
          workload("reviews-v1", "shop"),
        ),
        cluster("gone", undefined, { metadata: service("gone") }),
        cluster(
          "refused",
          "nobody-listens",
          { metadata: service("refused") },
          workload("refused-v1", "shop"),
        ),
        cluster(
          "legacy",
          "application",
          { ...anyHttp, metadata: service("legacy") },
          workload("legacy", "old"),
        ),
        cluster("application", "application", { ...anyHttp, metadata: service("reviews") }),
        cluster(
          "db",
          "inbound-tcp",
          { metadata: service("db"), transport_socket: tls.client },
          workload("db", "shop"),
        ),
        cluster("echo", "echo", { metadata: service("db") }),
      ],
    },
  };
}
