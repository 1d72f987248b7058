// The listener to which all that an application dials is redirected.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { FilterChainSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import type { OutboundListenerView } from "#compile/views.ts";
import { httpStats } from "#telemetry/access-log.ts";
import { destinationMutation, lookupTimeoutMs } from "../filters/on-demand.ts";
import { outboundHttpFilters } from "../filters/slots.ts";
import { unansweredLookup } from "../local-replies.ts";
import { adsSource, duration, socketAddress } from "../messages.ts";
import { outboundListenerName, outboundRouteConfiguration, passthroughCluster } from "../names.ts";
import { connectionManager } from "./http.ts";
import { httpInspector, inspectionTimeout, originalDestination } from "./inspection.ts";
import { outboundChains, outboundMatching } from "./outbound-matching.ts";
import { tcpProxy, tcpProxyOnDemand } from "./tcp.ts";

export const outboundPort = 15_001;

/** The outbound listener: HTTP and TCP inside the mesh's ranges on demand, everything else as it was dialled. */
export function outboundListener(view: OutboundListenerView): Listener {
  return create(ListenerSchema, {
    name: outboundListenerName,
    address: socketAddress("127.0.0.1", outboundPort),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [originalDestination, httpInspector(view.tcpPorts)],
    ...inspectionTimeout,
    filterChainMatcher: outboundMatching(view, outboundPort),
    filterChains: [
      { name: outboundChains.itself },
      { name: outboundChains.meshHttp, filters: [meshHttp] },
      { name: outboundChains.meshTcp, filters: tcpProxyOnDemand("outbound_tcp") },
      { name: outboundChains.outsideHttp, filters: [outsideHttp] },
    ],
    defaultFilterChain: outsideTcp,
  });
}

const meshHttp = connectionManager({
  statPrefix: "outbound",
  routeSpecifier: {
    case: "rds",
    value: { configSource: adsSource(), routeConfigName: outboundRouteConfiguration },
  },
  earlyHeaderMutationExtensions: [destinationMutation],
  httpFilters: outboundHttpFilters,
  // Bounds the wait for a destination that nobody answers about; every route lifts it.
  streamIdleTimeout: duration(lookupTimeoutMs),
  localReplyConfig: unansweredLookup,
  accessLog: [...httpStats("source")],
});

const outsideHttp = connectionManager({
  statPrefix: "outside",
  routeSpecifier: {
    case: "routeConfig",
    value: {
      name: "outside",
      validateClusters: false,
      virtualHosts: [
        {
          name: "outside",
          domains: ["*"],
          routes: [
            {
              match: { pathSpecifier: { case: "prefix", value: "/" } },
              action: {
                case: "route",
                value: {
                  clusterSpecifier: { case: "cluster", value: passthroughCluster },
                  timeout: duration(0),
                },
              },
            },
          ],
        },
      ],
    },
  },
  httpFilters: outboundHttpFilters.slice(-1),
  accessLog: [...httpStats("source")],
});

const outsideTcp: MessageInitShape<typeof FilterChainSchema> = {
  name: "outside tcp",
  filters: [tcpProxy("outside_tcp", passthroughCluster)],
};
