// The listener to which all that reaches a pod is redirected.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrafficDirection } from "@heddle/envoy-api/envoy/config/core/v3/base";
import { type Listener, ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
} from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import { HttpConnectionManager_ForwardClientCertDetails } from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { InboundListenerView, IngressListenerView, ListenedPort } from "#compile/listener-views.ts";
import { serverFirstPorts } from "#compile/services/services.ts";
import { isHttp, isOpaque } from "#model/service.ts";
import { httpStats, type Peer } from "#telemetry/access-log.ts";
import { forgedHeaders } from "../filters/on-demand.ts";
import { inboundHttpFilters, inboundHttpFiltersWithoutPolicies } from "../filters/slots.ts";
import { adsSource, bindAddress, heddleMetadata, type Init, socketAddress } from "../messages.ts";
import {
  httpAlpn,
  inboundChainName,
  inboundClusterName,
  inboundListenerName,
  ingressListenerName,
  meshChains,
  tcpAlpn,
} from "../names.ts";
import { inboundRoutes } from "../routes/inbound-routes.ts";
import { unprocessed } from "../routes/local-replies.ts";
import { downstreamTls } from "../tls/tls.ts";
import { terminatedTls } from "../tls/tls-termination.ts";
import { connectionManager } from "./http.ts";
import {
  httpInspector,
  httpProtocols,
  inboundInspectionTimeout,
  inspectionTimeout,
  originalDestination,
  tlsInspector,
} from "./inspection.ts";
import { outboundPort } from "./outbound.ts";
import { inboundTcpProxy } from "./tcp.ts";

export const inboundPort = 15_006;

type FilterChain = MessageInitShape<typeof FilterChainSchema>;
type FilterChainMatch = Init<typeof FilterChainMatchSchema>;

/** The inbound listener: mutual TLS from sidecars, plaintext from everybody else, to the address that was dialled. */
export function inboundListener(view: InboundListenerView, trustDomain: string): Listener {
  const opaque = view.ports.filter(({ protocol }) => isOpaque(protocol));
  const opaquePorts = [...serverFirstPorts, ...opaque.map(({ port }) => port)];
  return create(ListenerSchema, {
    name: inboundListenerName,
    address: socketAddress("0.0.0.0", inboundPort),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: [originalDestination, tlsInspector, httpInspector([...new Set(opaquePorts)])],
    ...inboundInspectionTimeout(view.ports.map(({ protocol }) => protocol)),
    // A listener that differs is what makes Envoy drain the one before it.
    metadata: heddleMetadata({ draining: String(view.draining) }),
    filterChains: [
      // No filter: the connection is closed.
      ...[inboundPort, outboundPort].map((port) => ({
        name: `itself ${port}`,
        filterChainMatch: { destinationPort: port },
      })),
      ...view.ports.flatMap((port) => chainsOf(port, trustDomain, { destinationPort: port.port })),
      ...chainsOf(undefined, trustDomain, {}),
    ],
  });
}

/** A listener of a sidecar's own for one port: the same connections, wherever they come from. */
export function ingressListener(view: IngressListenerView, trustDomain: string): Listener {
  return create(ListenerSchema, {
    name: ingressListenerName(view.at),
    address: bindAddress(view.at),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: [tlsInspector, ...(isOpaque(view.port.protocol) ? [] : [httpInspector([])])],
    ...inspectionTimeout,
    metadata: heddleMetadata({ draining: String(view.draining) }),
    filterChains: [...chainsOf(view.port, trustDomain, {})],
  });
}

/**
 * The kinds of connection that a port gets. Matching never goes back: a chain that matches the port takes it from all
 * chains that do not, so every port needs all of them. On a port that is declared HTTP everything is HTTP, whatever the
 * client's sidecar or the inspection took it for: who is silent for a while, or begins with an empty line, must not pass
 * unseen, with an identity of its own making. Where TLS is ended for clients, nobody comes in plaintext.
 */
function chainsOf(
  port: ListenedPort | undefined,
  trustDomain: string,
  where: FilterChainMatch,
): readonly FilterChain[] {
  const chain = (kind: string, match: FilterChainMatch, filters: FilterChain["filters"]) => ({
    name: inboundChainName(port?.port, kind),
    filterChainMatch: { ...where, ...match },
    ...(filters === undefined ? {} : { filters }),
  });
  const isForRequests = port !== undefined && isHttp(port.protocol);
  const http = [inboundHttp(port, "stranger", forgedHeaders)];
  const tcp = [inboundTcp(port, "stranger")];
  const fromMesh = chainsFromMesh(port, isForRequests).map(({ kind, alpn, filter }) => ({
    ...chain(`${meshChains} ${kind}`, { transportProtocol: "tls", applicationProtocols: [alpn] }, [filter]),
    transportSocket: downstreamTls(trustDomain),
  }));
  if (port?.tls !== undefined) {
    const ended = chain("tls", { transportProtocol: "tls" }, isForRequests ? http : tcp);
    const transportSocket = terminatedTls(port.tls, isForRequests ? ["h2", "http/1.1"] : []);
    return [...fromMesh, { ...ended, transportSocket }];
  }
  return [
    ...fromMesh,
    // TLS of the application's own.
    chain("tls", { transportProtocol: "tls" }, tcp),
    ...(isForRequests
      ? [chain("http", { transportProtocol: "raw_buffer" }, http)]
      : [
          chain("http", { transportProtocol: "raw_buffer", applicationProtocols: httpProtocols }, http),
          chain("tcp", { transportProtocol: "raw_buffer" }, tcp),
        ]),
  ];
}

/** Connections from sidecars, who say in the ALPN what they have found them to be. */
function chainsFromMesh(port: ListenedPort | undefined, isForRequests: boolean) {
  const bytes = isForRequests ? inboundHttp(port, "mesh", forgedHeaders) : inboundTcp(port, "mesh");
  return [
    { kind: "http", alpn: httpAlpn, filter: inboundHttp(port, "mesh") },
    { kind: "tcp", alpn: tcpAlpn, filter: bytes },
  ];
}

function inboundTcp(port: ListenedPort | undefined, peer: Peer) {
  return inboundTcpProxy(inboundClusterName(port?.port), port?.connectionPool, peer);
}

/**
 * Ports to which policies can apply have their routes beside the listener, which closes connections when it changes.
 * Both kinds of connection share them, and so what they count.
 */
function routesOf(port: ListenedPort | undefined) {
  return port === undefined || isOpaque(port.protocol)
    ? {
        routeSpecifier: {
          case: "routeConfig" as const,
          value: inboundRoutes({ port: port?.port, rateLimits: [] }),
        },
        httpFilters: inboundHttpFiltersWithoutPolicies,
      }
    : {
        routeSpecifier: {
          case: "rds" as const,
          value: { configSource: adsSource(), routeConfigName: inboundClusterName(port.port) },
        },
        httpFilters: inboundHttpFilters,
      };
}

/** `forged`: what a client's sidecar takes away, and says itself, where it has looked at the requests. */
function inboundHttp(port: ListenedPort | undefined, peer: Peer, forged?: typeof forgedHeaders) {
  return connectionManager({
    statPrefix: "inbound",
    ...routesOf(port),
    localReplyConfig: unprocessed,
    ...(peer === "mesh"
      ? {
          // As Istio's: By, Hash, an empty Subject and the URI; what a client sends of its own is dropped.
          forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
          setCurrentClientCertDetails: { subject: true, uri: true },
        }
      : { forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE }),
    ...(forged === undefined ? {} : { earlyHeaderMutationExtensions: [forged] }),
    accessLog: [...httpStats("destination", peer)],
  });
}
