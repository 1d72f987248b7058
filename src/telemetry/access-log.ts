// How Envoy measures traffic: its stats access logger, which turns what the access log knows into counters and
// histograms. Measured behaviour of Envoy 1.40 that this rests on: docs/telemetry.md.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { AccessLogSchema } from "@heddle/envoy-api/envoy/config/accesslog/v3/accesslog";
import { AccessLogType } from "@heddle/envoy-api/envoy/data/accesslog/v3/accesslog";
import {
  type Config,
  Config_Histogram_Unit,
  ConfigSchema,
} from "@heddle/envoy-api/envoy/extensions/access_loggers/stats/v3/stats";
import {
  type TcpProxy_TcpAccessLogOptionsSchema,
  UpstreamConnectMode,
} from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import {
  endpointMetadataKey,
  joinTraffic,
  measures,
  type RequestField,
  serviceMetadataKey,
  statsPrefix,
  trafficTag,
} from "./measures.ts";

/** Which end of a connection reports: the client's sidecar, or the server's. */
export type ReportingSide = "source" | "destination";

/**
 * Who is at the other end: with a certificate that an authority of the mesh has issued, or nobody whom the mesh knows. A
 * certificate of another authority may say anything.
 */
export type Peer = "mesh" | "stranger";

type AccessLog = MessageInitShape<typeof AccessLogSchema>;
type Measures = Partial<
  Pick<Exclude<MessageInitShape<typeof ConfigSchema>, Config>, "histograms" | "counters">
>;
type Operators = Readonly<Partial<Record<RequestField, string>>>;

/**
 * Series beyond this many are not counted by the sidecar: what a peer sends must not grow its memory. Series that were
 * idle between two runs of the bootstrap's `stats_eviction_interval` make room again.
 */
const maximumSeries = 2_000;

/** The whole time of a request in microseconds; 0 if the answer did not end. */
const requestMicroseconds =
  '%COALESCE({"operators":[' +
  '{"command":"COMMON_DURATION","param":"DS_RX_BEG:DS_TX_END:us"},' +
  '{"command":"COMMON_DURATION","param":"DS_RX_BEG:DS_RX_BEG:us"}]})%';

/** What the certificate of a peer in the mesh says. */
const identity: Readonly<Record<ReportingSide, Operators>> = {
  source: { peerPrincipal: "%UPSTREAM_PEER_URI_SAN%" },
  destination: {
    peerPrincipal: "%DOWNSTREAM_PEER_URI_SAN%",
    peerWorkload: "%DOWNSTREAM_PEER_DNS_SAN%",
  },
};

/** For the `access_log` of an HTTP connection manager: one histogram, which counts the requests as well. */
export function httpStats(reporter: ReportingSide, peer: Peer = "mesh"): readonly AccessLog[] {
  const tags = tagsOf(reporter, peer, {
    responseCode: "%RESPONSE_CODE%",
    responseFlags: "%RESPONSE_FLAGS%",
    grpcStatus: "%GRPC_STATUS_NUMBER%",
    upstreamProtocol: reporter === "source" ? "%UPSTREAM_PROTOCOL%" : "",
  });
  const histogram = (name: string, unit: Config_Histogram_Unit, valueFormat: string) => ({
    stat: { name, tags },
    unit,
    valueFormat,
  });
  const sizes = [
    histogram(measures.requestBytes, Config_Histogram_Unit.Bytes, "%BYTES_RECEIVED%"),
    histogram(measures.responseBytes, Config_Histogram_Unit.Bytes, "%BYTES_SENT%"),
  ];
  return [
    statsLogger({
      histograms: [
        histogram(measures.requestDuration, Config_Histogram_Unit.Microseconds, requestMicroseconds),
        // Each further measure costs CPU for each request: sizes are taken at one end only.
        ...(reporter === "destination" ? sizes : []),
      ],
    }),
  ];
}

/** For the `access_log` of a TCP proxy, which needs {@link tcpAccessLogOptions} and {@link peerBeforeUpstream} as well. */
export function tcpStats(reporter: ReportingSide, peer: Peer = "mesh"): readonly AccessLog[] {
  const tags = tagsOf(reporter, peer, { responseFlags: "%RESPONSE_FLAGS%" });
  const once = (name: string) => ({ stat: { name, tags }, valueFixed: 1n });
  const sum = (name: string, valueFormat: string) => ({ stat: { name, tags }, valueFormat });
  return [
    statsLogger({ counters: [once(measures.tcpOpened)] }, AccessLogType.TcpUpstreamConnected),
    statsLogger(
      {
        counters: [
          once(measures.tcpClosed),
          sum(measures.tcpSentBytes, "%BYTES_SENT%"),
          sum(measures.tcpReceivedBytes, "%BYTES_RECEIVED%"),
        ],
      },
      AccessLogType.TcpConnectionEnd,
    ),
  ];
}

/** For the `access_log_options` of a TCP proxy: a connection is counted when it is made, not only when it ends. */
export const tcpAccessLogOptions = {
  flushAccessLogOnConnected: true,
} as const satisfies MessageInitShape<typeof TcpProxy_TcpAccessLogOptionsSchema>;

/**
 * For a TCP proxy at the server's end: Envoy otherwise connects to the application, and counts the connection, before
 * the handshake has told who the client is. In plaintext it changes nothing; servers may speak first either way.
 */
export const peerBeforeUpstream = {
  upstreamConnectMode: UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE,
  maxEarlyDataBytes: 0,
} as const;

function tagsOf(reporter: ReportingSide, peer: Peer, operators: Operators) {
  const valueFormat = joinTraffic(
    { ...operators, ...(peer === "mesh" ? identity[reporter] : {}), reporter },
    `%CLUSTER_METADATA(heddle:${serviceMetadataKey})%`,
    // The server's end knows its own workload better.
    reporter === "source" ? `%UPSTREAM_METADATA(heddle:${endpointMetadataKey})%` : "",
  );
  return [{ name: trafficTag, valueFormat }];
}

function statsLogger(measured: Measures, only?: AccessLogType): AccessLog {
  const typedConfig = anyPack(
    ConfigSchema,
    create(ConfigSchema, {
      // One scope for all listeners, so that the limits are those of the proxy.
      statsScope: {
        prefix: statsPrefix,
        sharingName: statsPrefix,
        enableEviction: true,
        maxCounters: maximumSeries,
        maxHistograms: maximumSeries,
      },
      ...measured,
    }),
  );
  return {
    // Envoy goes by the type; a listener has many of these.
    name: "stats",
    ...(only === undefined
      ? {}
      : { filter: { filterSpecifier: { case: "logTypeFilter", value: { types: [only] } } } }),
    configType: { case: "typedConfig", value: typedConfig },
  };
}
