// Where a sidecar listens for its application alone, as a Sidecar says: nothing comes here that was captured.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { FilterChainSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import type { EgressHostView, EgressListenerView } from "#compile/listener-views.ts";
import type { Bind } from "#model/sidecar.ts";
import { httpStats } from "#telemetry/access-log.ts";
import { forgedHeaders } from "../filters/on-demand.ts";
import { outboundHttpFilters } from "../filters/slots.ts";
import { adsSource, bindAddress } from "../messages.ts";
import { clusterName, egressListenerName } from "../names.ts";
import { outboundReplies } from "../routes/local-replies.ts";
import { connectionManager } from "./http.ts";
import { tlsInspector } from "./inspection.ts";
import { tcpProxyToAny } from "./tcp.ts";

type FilterChain = MessageInitShape<typeof FilterChainSchema>;

/** HTTP whose routes come by RDS, or connections for the clusters of hosts; those that are for none are closed. */
export function egressListener(view: EgressListenerView): Listener {
  const byName = view.kind === "connections" && view.hosts.some(({ serverName }) => serverName !== undefined);
  return create(ListenerSchema, {
    name: egressListenerName(view.at),
    address: bindAddress(view.at),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: byName ? [tlsInspector] : [],
    filterChains: view.kind === "http" ? [{ filters: [http(view.at)] }] : [...connectionChains(view.hosts)],
  });
}

function connectionChains(hosts: readonly EgressHostView[]): readonly FilterChain[] {
  const chains = hosts.map(({ serverName, cluster }) => ({
    name: clusterName(cluster),
    ...(serverName === undefined ? {} : { filterChainMatch: { serverNames: [serverName] } }),
    filters: tcpProxyToAny("egress_tcp", clusterName(cluster)),
  }));
  return chains.length === 0 ? [{ name: "nobody" }] : chains;
}

function http(at: Bind) {
  return connectionManager({
    statPrefix: "egress",
    routeSpecifier: {
      case: "rds",
      value: { configSource: adsSource(), routeConfigName: egressListenerName(at) },
    },
    earlyHeaderMutationExtensions: [forgedHeaders],
    httpFilters: outboundHttpFilters,
    localReplyConfig: outboundReplies,
    accessLog: [...httpStats("source")],
  });
}
