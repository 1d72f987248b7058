// Network filters for connections whose bytes are only passed on.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AccessLogSchema } from "@heddle/envoy-api/envoy/config/accesslog/v3/accesslog";
import { ConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { lookupTimeoutMs } from "../filters/on-demand.ts";
import { adsSource, duration, extension } from "../messages.ts";
import { blackHoleCluster, tcpClusterFormat } from "../names.ts";

type AccessLog = readonly MessageInitShape<typeof AccessLogSchema>[];

const tcpProxyName = "envoy.filters.network.tcp_proxy";

/** To a cluster that is there from the start. */
export function tcpProxy(statPrefix: string, cluster: string, accessLog: AccessLog = []) {
  return extension(tcpProxyName, TcpProxySchema, {
    statPrefix,
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...accessLog],
    idleTimeout: duration(0),
  });
}

/** To the cluster of the connection's destination, fetched when it is first dialled. */
export function tcpProxyOnDemand(statPrefix: string, accessLog: AccessLog) {
  return [
    extension("envoy.filters.network.set_filter_state", ConfigSchema, {
      onNewConnection: [
        {
          key: { case: "objectKey", value: "envoy.tcp_proxy.cluster" },
          value: {
            case: "formatString",
            value: {
              format: {
                case: "textFormatSource",
                value: { specifier: { case: "inlineString", value: tcpClusterFormat } },
              },
            },
          },
        },
      ],
    }),
    extension(tcpProxyName, TcpProxySchema, {
      statPrefix,
      // Never used: the filter state names the cluster. The field is mandatory.
      clusterSpecifier: { case: "cluster", value: blackHoleCluster },
      onDemand: { odcdsConfig: adsSource(), timeout: duration(lookupTimeoutMs) },
      accessLog: [...accessLog],
      idleTimeout: duration(0),
    }),
  ];
}
