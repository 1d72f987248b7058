// Network filters for connections whose bytes are only passed on.
import { ConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { peerBeforeUpstream, tcpAccessLogOptions, tcpStats } from "#telemetry/access-log.ts";
import { lookupTimeoutMs } from "../filters/on-demand.ts";
import { adsSource, duration, extension } from "../messages.ts";
import { blackHoleCluster, tcpClusterFormat } from "../names.ts";

const tcpProxyName = "envoy.filters.network.tcp_proxy";

/** Out, to a cluster that is there from the start. */
export function tcpProxy(statPrefix: string, cluster: string) {
  return extension(tcpProxyName, TcpProxySchema, {
    statPrefix,
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...tcpStats("source")],
    accessLogOptions: tcpAccessLogOptions,
    idleTimeout: duration(0),
  });
}

/** In, to the application, which is not connected to before the client has proved who it is. */
export function inboundTcpProxy(cluster: string) {
  return extension(tcpProxyName, TcpProxySchema, {
    statPrefix: "inbound_tcp",
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...tcpStats("destination")],
    accessLogOptions: tcpAccessLogOptions,
    idleTimeout: duration(0),
    ...peerBeforeUpstream,
  });
}

/** To the cluster of the connection's destination, fetched when it is first dialled. */
export function tcpProxyOnDemand(statPrefix: string) {
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
      // For clusters that hash; of a connection nothing else is known.
      hashPolicy: [{ policySpecifier: { case: "sourceIp", value: {} } }],
      accessLog: [...tcpStats("source")],
      accessLogOptions: tcpAccessLogOptions,
      idleTimeout: duration(0),
    }),
  ];
}
