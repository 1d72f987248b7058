// What Envoy can do to connections in a listener alone, and not by the cluster that they go to: limits of their time, and
// tunnels. A cluster that asks for it leads to a listener inside the proxy, which passes its connections on to a second
// cluster of its own; so the listeners that connections come to need to know of no destination.
import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import { InternalUpstreamTransportSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream";
import { RawBufferSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer";
import type { ClusterView } from "#compile/views.ts";
import { countedLater, serviceMetadataKey } from "#telemetry/measures.ts";
import { circuitBreakers } from "./clusters/circuit-breakers.ts";
import { originalDestination } from "./listeners/inspection.ts";
import { relayingTcpProxy } from "./listeners/tcp.ts";
import { extension } from "./messages.ts";
import { clusterName, type Relay, relayedClusterName, relayName } from "./names.ts";

/** What the connections of a cluster are relayed for; undefined where they need not be. */
export function relayOf({ protocol, connectionPool, tunnel }: ClusterView): Relay | undefined {
  if (protocol !== "tcp") return undefined;
  const relay = {
    method: tunnel?.method ?? "",
    idleTimeoutMs: connectionPool?.tcpIdleTimeoutMs ?? 0,
    maxDurationMs: connectionPool?.maxConnectionDurationMs ?? 0,
  } as const;
  return relay.method === "" && relay.idleTimeoutMs + relay.maxDurationMs === 0 ? undefined : relay;
}

/** The metadata by which a relay learns where a connection goes. */
const relayMetadata = "heddle.relay";

/** The cluster that leads to the relay. */
export function relayingCluster({ reference, tunnel }: ClusterView, relay: Relay): Cluster {
  const name = clusterName(reference);
  const listener = {
    address: {
      case: "envoyInternalAddress" as const,
      value: { addressNameSpecifier: { case: "serverListenerName" as const, value: relayName(relay) } },
    },
  };
  const destination = {
    cluster: relayedClusterName(name),
    ...(tunnel === undefined ? {} : { target: tunnel.target }),
  };
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: listener } } }] }],
    },
    // Limits are those of the second cluster.
    circuitBreakers: circuitBreakers(undefined, undefined),
    transportSocket: extension("internal_upstream", InternalUpstreamTransportSchema, {
      passthroughMetadata: [{ kind: { kind: { case: "cluster", value: {} } }, name: relayMetadata }],
      transportSocket: extension("raw_buffer", RawBufferSchema, {}),
    }),
    metadata: {
      filterMetadata: { [relayMetadata]: destination, heddle: { [serviceMetadataKey]: countedLater } },
    },
  });
}

/** The listener that does it. It restores who has dialled and what. */
export function relayListener(relay: Relay): Listener {
  const { method, idleTimeoutMs, maxDurationMs } = relay;
  const times = {
    tcpIdleTimeoutMs: idleTimeoutMs,
    ...(maxDurationMs === 0 ? {} : { maxConnectionDurationMs: maxDurationMs }),
  };
  const tunnel = {
    hostname: `%DYNAMIC_METADATA(${relayMetadata}:target)%`,
    ...(method === "POST" ? { usePost: true } : {}),
  };
  return create(ListenerSchema, {
    name: relayName(relay),
    listenerSpecifier: { case: "internalListener", value: {} },
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [originalDestination],
    filterChains: [
      {
        filters: relayingTcpProxy(
          `%DYNAMIC_METADATA(${relayMetadata}:cluster)%`,
          times,
          method === "" ? undefined : tunnel,
        ),
      },
    ],
  });
}
