// The listener to which all that an application dials is redirected.
import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { OthersView, OutboundListenerView } from "#compile/listener-views.ts";
import { httpStats } from "#telemetry/access-log.ts";
import { destinationState } from "../destinations.ts";
import { forgedHeaders, lookupTimeoutMs } from "../filters/on-demand.ts";
import { outboundHttpFilters } from "../filters/slots.ts";
import { adsSource, duration, socketAddress } from "../messages.ts";
import {
  clusterName,
  outboundListenerName,
  outboundRouteConfiguration,
  passthroughCluster,
  serverNameClusterFormat,
  tcpClusterFormat,
  tlsClusterFormat,
} from "../names.ts";
import { outboundReplies } from "../routes/local-replies.ts";
import { connectionManager } from "./http.ts";
import { httpInspector, inspectionTimeout, originalDestination, tlsInspectorExcept } from "./inspection.ts";
import { outboundChains, outboundMatching } from "./outbound-matching.ts";
import { tcpProxy, tcpProxyOnDemand } from "./tcp.ts";

export const outboundPort = 15_001;

/**
 * The outbound listener: HTTP, and TCP inside the mesh's ranges, on demand, TLS to known hosts outside by the name that
 * the client asks for, everything else as it was dialled. What is known stands in the matching tree, and a tree that
 * changes closes no connection; chains and listener filters would.
 */
export function outboundListener(view: OutboundListenerView): Listener {
  return create(ListenerSchema, {
    name: outboundListenerName,
    address: socketAddress("127.0.0.1", outboundPort),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [
      originalDestination,
      tlsInspectorExcept(view.tcpPorts),
      httpInspector(view.opaquePorts),
    ],
    ...inspectionTimeout,
    filterChainMatcher: outboundMatching(view, outboundPort),
    filterChains: [
      { name: outboundChains.itself },
      { name: outboundChains.http, filters: [destinationState, http] },
      { name: outboundChains.tcp, filters: tcpProxyOnDemand("outbound_tcp", tcpClusterFormat) },
      // One chain more closes no connection either.
      ...(view.serverNamePorts.length === 0
        ? []
        : [
            {
              name: outboundChains.meshTls,
              filters: tcpProxyOnDemand("outbound_tls", serverNameClusterFormat),
            },
          ]),
      ...(view.serverNames.length === 0
        ? []
        : [{ name: outboundChains.outsideTls, filters: tcpProxyOnDemand("outside_tls", tlsClusterFormat) }]),
    ],
    defaultFilterChain: { name: "outside tcp", filters: outsideFilters(view.others) },
  });
}

const http = connectionManager({
  statPrefix: "outbound",
  routeSpecifier: {
    case: "rds",
    value: { configSource: adsSource(), routeConfigName: outboundRouteConfiguration },
  },
  earlyHeaderMutationExtensions: [forgedHeaders],
  httpFilters: outboundHttpFilters,
  // Bounds the wait for a destination that nobody answers about; every route lifts it.
  streamIdleTimeout: duration(lookupTimeoutMs),
  localReplyConfig: outboundReplies,
  accessLog: [...httpStats("source")],
});

/** What is refused does not come here: it is looked up. */
function outsideFilters(others: OthersView) {
  return typeof others === "string"
    ? [tcpProxy("outside_tcp", passthroughCluster)]
    : tcpProxyOnDemand("outside_tcp", clusterName({ ...others.proxy, kind: "host" }));
}
