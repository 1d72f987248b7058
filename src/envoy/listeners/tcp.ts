// Network filters for connections whose bytes are only passed on.
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import type { ConnectionTimes } from "#model/policy.ts";
import { type Peer, peerBeforeUpstream, tcpAccessLogOptions, tcpStats } from "#telemetry/access-log.ts";
import { filterState, type StateObject } from "../filter-state.ts";
import { lookupTimeoutMs } from "../filters/on-demand.ts";
import { adsSource, duration, extension, type Init } from "../messages.ts";
import { blackHoleCluster } from "../names.ts";

const tcpProxyName = "envoy.filters.network.tcp_proxy";

type TcpProxy = Init<typeof TcpProxySchema>;

/** Out, to a cluster that is there from the start and relays nothing. */
export function tcpProxy(statPrefix: string, cluster: string) {
  return extension(tcpProxyName, TcpProxySchema, outbound(statPrefix, cluster));
}

/** The same to a cluster that may hash, or relay. */
export function tcpProxyToAny(statPrefix: string, cluster: string) {
  return [
    filterState(...addresses),
    extension(tcpProxyName, TcpProxySchema, { ...outbound(statPrefix, cluster), ...bySource }),
  ];
}

function outbound(statPrefix: string, cluster: string): TcpProxy {
  return {
    statPrefix,
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...tcpStats("source")],
    accessLogOptions: tcpAccessLogOptions,
    ...endOf(),
  };
}

/** Without a word connections may last as long as both ends like. */
function endOf({ tcpIdleTimeoutMs = 0, maxConnectionDurationMs }: ConnectionTimes = {}): TcpProxy {
  return {
    idleTimeout: duration(tcpIdleTimeoutMs),
    ...(maxConnectionDurationMs === undefined
      ? {}
      : { maxDownstreamConnectionDuration: duration(maxConnectionDurationMs) }),
  };
}

/** For clusters that hash; of a connection nothing else is known. */
const bySource = { hashPolicy: [{ policySpecifier: { case: "sourceIp" as const, value: {} } }] };

/** Who has dialled and what, for a listener that the connection is relayed through. */
const addresses = [
  { key: "envoy.filters.listener.original_dst.local_ip", format: "%DOWNSTREAM_LOCAL_ADDRESS%" },
  { key: "envoy.filters.listener.original_dst.remote_ip", format: "%DOWNSTREAM_REMOTE_ADDRESS%" },
].map((object) => ({ ...object, passedOn: true as const }));

/** In, to the application, which is not connected to before the client has proved who it is. */
export function inboundTcpProxy(cluster: string, times: ConnectionTimes | undefined, peer: Peer) {
  return extension(tcpProxyName, TcpProxySchema, {
    statPrefix: "inbound_tcp",
    clusterSpecifier: { case: "cluster", value: cluster },
    accessLog: [...tcpStats("destination", peer)],
    accessLogOptions: tcpAccessLogOptions,
    ...endOf(times),
    ...peerBeforeUpstream,
  });
}

/** To a cluster that is named after the connection by a format of Envoy's, and fetched when it is first needed. */
export function tcpProxyOnDemand(statPrefix: string, clusterFormat: string) {
  return onDemand(statPrefix, clusterFormat, addresses);
}

/** The same for connections that are relayed, and what only a listener can do to them. */
export function relayingTcpProxy(
  clusterFormat: string,
  times: ConnectionTimes,
  tunnelingConfig: TcpProxy["tunnelingConfig"],
) {
  const tunnel = tunnelingConfig === undefined ? {} : { tunnelingConfig };
  return onDemand("relay", clusterFormat, [], { ...endOf(times), ...tunnel });
}

function onDemand(
  statPrefix: string,
  clusterFormat: string,
  states: readonly StateObject[],
  settings: TcpProxy = {},
) {
  return [
    filterState({ key: "envoy.tcp_proxy.cluster", format: clusterFormat }, ...states),
    extension(tcpProxyName, TcpProxySchema, {
      // The cluster is never used: the filter state names one. The field is mandatory.
      ...outbound(statPrefix, blackHoleCluster),
      onDemand: { odcdsConfig: adsSource(), timeout: duration(lookupTimeoutMs) },
      ...bySource,
      ...settings,
    }),
  ];
}
