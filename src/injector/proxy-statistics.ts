// Which statistics a proxy keeps, and where they go.
import { histogramBucketSettings, statsPrefix } from "#telemetry/measures.ts";
import { typed } from "./envoy-json.ts";

/** Kept of Envoy's own statistics: what says whether a proxy is well. A proxy with few of them is small. */
const proxyStats = [
  "cluster.xds.upstream_cx_active",
  "cluster.xds.upstream_cx_connect_fail",
  "cluster.xds.upstream_cx_rx_bytes_total",
  "cluster.xds.upstream_cx_tx_bytes_total",
  "cluster_manager.active_clusters",
  "cluster_manager.cds.update_rejected",
  "cluster_manager.warming_clusters",
  "control_plane.connected_state",
  "listener_manager.lds.update_rejected",
  "listener_manager.total_listeners_active",
  "listener_manager.total_listeners_draining",
  "overload.envoy.overload_actions.stop_accepting_requests.active",
  "server.concurrency",
  "server.days_until_first_cert_expiring",
  "server.memory_allocated",
  "server.memory_heap_size",
  "server.state",
  "server.total_connections",
  "server.uptime",
];

/** The health check filter reads these to answer the rewritten probes of an application. */
const probeStats = "cluster\\.probe\\|.*\\.membership_(healthy|degraded|total)";

/** Only clusters with outlier detection have them. */
const ejectionStats = [".outlier_detection.ejections_active", ".outlier_detection.ejections_enforced_total"];

/** Only routes whose user has given them a prefix have them. */
const routeStats = "vhost\\..*\\.route\\..*";

/** How many flushes a series of telemetry may be idle before it makes room for others. */
const flushesUntilEviction = 60;

/** What a proxy counts, and sends to the cluster `reportTo` every few seconds. */
export function statistics(flushSeconds: number, reportTo: string): object {
  return {
    stats_flush_interval: `${flushSeconds}s`,
    stats_eviction_interval: `${flushSeconds * flushesUntilEviction}s`,
    stats_config: {
      use_all_default_tags: false,
      stats_matcher: {
        inclusion_list: {
          patterns: [
            { prefix: statsPrefix },
            { safe_regex: { regex: probeStats } },
            { safe_regex: { regex: routeStats } },
            ...ejectionStats.map((suffix) => ({ suffix })),
            ...proxyStats.map((exact) => ({ exact })),
          ],
        },
      },
      histogram_bucket_settings: histogramBucketSettings,
    },
    stats_sinks: [
      {
        name: "envoy.stat_sinks.open_telemetry",
        typed_config: {
          ...typed("extensions.stat_sinks.open_telemetry.v3.SinkConfig"),
          grpc_service: { envoy_grpc: { cluster_name: reportTo } },
          report_counters_as_deltas: true,
          report_histograms_as_deltas: true,
        },
      },
    ],
  };
}
