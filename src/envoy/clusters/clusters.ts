// Views of clusters → Envoy clusters.
import { create } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { InboundPortView } from "#compile/listener-views.ts";
import type { ClusterEndpoints, ClusterReference, ClusterView, ServiceLabel } from "#compile/views.ts";
import { othersLabels } from "#model/others.ts";
import type { IngressEndpoint } from "#model/sidecar.ts";
import { foreignAuthority, joinService, serviceMetadataKey } from "#telemetry/measures.ts";
import { heddleMetadata, type Init, socketAddress } from "../messages.ts";
import {
  blackHoleCluster,
  clusterName,
  inboundClusterName,
  passthroughCluster,
  relayedClusterName,
} from "../names.ts";
import { circuitBreakers } from "./circuit-breakers.ts";
import {
  http1,
  http2,
  httpProtocol,
  sameProtocol,
  sameProtocolCleaned,
  sameProtocolWithin,
} from "./cluster-protocols.ts";
import { transportSockets } from "./cluster-tls.ts";
import { connectionsOf, connectTimeout, outboundConnections } from "./connections.ts";
import { discovery, noEndpoints, originalAddress, originalDestination } from "./load-balancing.ts";
import { outlierDetection } from "./outlier-detection.ts";

/** Connections to the application come from here, which exempts them from interception. */
export const fromProxy = {
  sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue", value: 0 } },
} as const;

/** A cluster that clients reach others by. */
export function outboundCluster(
  view: ClusterView,
  trustDomain: string,
  name = clusterName(view.reference),
): Cluster {
  return create(ClusterSchema, {
    name,
    ...discovery(view, name),
    circuitBreakers: circuitBreakers(view.connectionPool, view.retryBudget),
    ...outboundConnections(view),
    ...(view.outlierDetection === undefined
      ? {}
      : { outlierDetection: outlierDetection(view.outlierDetection) }),
    ...protocolOptions(view),
    ...transportSockets(view, trustDomain),
    ...(view.service === undefined
      ? {}
      : { metadata: serviceMetadata(view.service, view.origination && foreignAuthority) }),
    // A cluster of connections must be named as asked; statistics are named as people think.
    ...(isForConnections(view.reference) && view.service !== undefined && view.service.hostname !== ""
      ? { altStatName: statName(view.endpoints, view.service, view.reference.port) }
      : {}),
  });
}

function protocolOptions(view: ClusterView): Init<typeof ClusterSchema> {
  if (view.protocol === "http") return { typedExtensionProtocolOptions: httpProtocol(view) };
  return view.tunnel === undefined
    ? {}
    : { typedExtensionProtocolOptions: view.tunnel.http2 === true ? http2 : http1 };
}

/** The same for the connections that come from a relay. */
export function relayedCluster(view: ClusterView, trustDomain: string): Cluster {
  return outboundCluster(view, trustDomain, relayedClusterName(clusterName(view.reference)));
}

function isForConnections({ kind }: ClusterReference): boolean {
  return kind !== "service" && kind !== "address";
}

function statName(endpoints: ClusterEndpoints, { hostname }: ServiceLabel, port: number): string {
  return endpoints.kind === "listed" && endpoints.list.kind === "service"
    ? clusterName(endpoints.list)
    : clusterName({ kind: "service", hostname, port, subset: "" });
}

function serviceMetadata(service: ServiceLabel, authority?: typeof foreignAuthority) {
  return heddleMetadata({
    [serviceMetadataKey]: joinService({
      service: service.hostname,
      serviceName: service.name,
      serviceNamespace: service.namespace,
      authority,
    }),
  });
}

/** Where a connection goes that is nobody's in the mesh: to the address that the application dialled. */
export function passthrough(): Cluster {
  return create(ClusterSchema, {
    name: passthroughCluster,
    connectTimeout,
    ...originalDestination,
    typedExtensionProtocolOptions: sameProtocolCleaned,
    metadata: serviceMetadata(othersLabels.passthrough),
  });
}

/** Nowhere. */
export function blackHole(): Cluster {
  return create(ClusterSchema, {
    name: blackHoleCluster,
    connectTimeout,
    ...noEndpoints,
    metadata: serviceMetadata(othersLabels.refuse),
  });
}

/** The application itself, at the address that the client dialled unless it listens elsewhere; undefined: on any port. */
export function inboundCluster(view: Omit<InboundPortView, "limits"> | undefined): Cluster {
  const name = inboundClusterName(view?.port);
  const pool = view?.connectionPool;
  return create(ClusterSchema, {
    name,
    connectTimeout,
    ...applicationAt(name, view?.endpoint),
    typedExtensionProtocolOptions: pool === undefined ? sameProtocol : sameProtocolWithin(pool),
    ...(pool === undefined
      ? {}
      : { circuitBreakers: circuitBreakers(pool, undefined), ...connectionsOf(pool) }),
    ...(view?.service === undefined ? {} : { metadata: serviceMetadata(view.service) }),
  });
}

/** Where the application listens. A socket in the pod's file system is out of reach of interception. */
function applicationAt(name: string, endpoint: IngressEndpoint | undefined) {
  if (endpoint === undefined) return { ...originalDestination, upstreamBindConfig: fromProxy };
  if (endpoint.kind === "pod") {
    const address = endpoint.port === undefined ? originalDestination : originalAddress(endpoint.port);
    return { ...address, upstreamBindConfig: fromProxy };
  }
  const address =
    endpoint.kind === "loopback"
      ? socketAddress("127.0.0.1", endpoint.port)
      : { address: { case: "pipe" as const, value: { path: endpoint.path } } };
  return {
    ...noEndpoints,
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint" as const, value: { address } } }] }],
    },
    ...(endpoint.kind === "loopback" ? { upstreamBindConfig: fromProxy } : {}),
  };
}
