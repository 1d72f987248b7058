// Views of clusters → Envoy clusters.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { HealthCheckSchema } from "@heddle/envoy-api/envoy/config/core/v3/health_check";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation";
import { UpstreamCodecSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec";
import { RawBufferSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer";
import { HttpProtocolOptionsSchema } from "@heddle/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";
import type { ClusterEndpoints, ClusterTls, ClusterView, ServiceLabel } from "#compile/views.ts";
import { othersLabels } from "#model/others.ts";
import type { LoadBalancing, RetryBudget } from "#model/policy.ts";
import type { IngressEndpoint } from "#model/sidecar.ts";
import { joinService, serviceMetadataKey } from "#telemetry/measures.ts";
import { dnsDiscovery, dnsOfRequestDiscovery } from "./dns-clusters.ts";
import { helperHeaders } from "./filters/on-demand.ts";
import { adsSource, duration, extension, heddleMetadata, pack, socketAddress } from "./messages.ts";
import {
  blackHoleCluster,
  clusterName,
  httpAlpn,
  inboundClusterName,
  passthroughCluster,
  tcpAlpn,
} from "./names.ts";
import { upstreamTls } from "./tls.ts";

/** Connections to the application come from here, which exempts them from interception. */
const fromProxy = {
  sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue", value: 0 } },
} as const;

const connectTimeout = duration(10_000);

/** A cluster that clients reach others by. */
export function outboundCluster(view: ClusterView, trustDomain: string): Cluster {
  const name = clusterName(view.reference);
  return create(ClusterSchema, {
    name,
    connectTimeout,
    ...discovery(view),
    circuitBreakers: unlimitedBut(view.retryBudget),
    ...(view.protocol === "http"
      ? { typedExtensionProtocolOptions: view.reachesUnmeshed ? sameProtocolCleaned : sameProtocol }
      : {}),
    ...transportSockets(view, trustDomain),
    ...(view.service === undefined ? {} : { metadata: serviceMetadata(view.service) }),
    // A cluster fetched for an address must be named as asked; statistics are named as people think.
    ...((view.reference.kind === "tcp" || view.reference.kind === "tls") &&
    view.service !== undefined &&
    view.service.hostname !== ""
      ? { altStatName: statName(view.endpoints, view.service, view.reference.port) }
      : {}),
  });
}

function statName(endpoints: ClusterEndpoints, { hostname }: ServiceLabel, port: number): string {
  return endpoints.kind === "listed" && endpoints.list.kind === "service"
    ? clusterName(endpoints.list)
    : clusterName({ kind: "service", hostname, port, subset: "" });
}

const lbPolicies: Readonly<Record<LoadBalancing, Cluster_LbPolicy>> = {
  leastRequest: Cluster_LbPolicy.LEAST_REQUEST,
  roundRobin: Cluster_LbPolicy.ROUND_ROBIN,
  random: Cluster_LbPolicy.RANDOM,
};

/**
 * No limit that nobody asked for, but on retries: they may be a fifth of the requests. Envoy's own limit of three at a
 * time would leave most requests without one when a pod goes away under load.
 */
function unlimitedBut({ percent, minConcurrency, intervalMs }: RetryBudget = aFifth) {
  return {
    thresholds: [
      {
        maxConnections: 2 ** 32 - 1,
        maxPendingRequests: 2 ** 32 - 1,
        maxRequests: 2 ** 32 - 1,
        retryBudget: {
          budgetPercent: { value: percent },
          minRetryConcurrency: minConcurrency,
          ...(intervalMs === undefined ? {} : { budgetInterval: duration(intervalMs) }),
        },
      },
    ],
  };
}

const aFifth: RetryBudget = { percent: 20, minConcurrency: 10 };

function discovery({ reference, endpoints, loadBalancing, shares }: ClusterView) {
  switch (endpoints.kind) {
    case "listed":
      return {
        ...discovered(clusterName(endpoints.list), shares !== undefined),
        lbPolicy: lbPolicies[loadBalancing],
      };
    case "asDialled":
      return endpoints.port === undefined ? originalDestination : originalAddress(endpoints.port);
    case "dns":
      return dnsDiscovery(reference, endpoints, lbPolicies[loadBalancing]);
    case "dnsOfRequest":
      return dnsOfRequestDiscovery;
    case "none":
      return empty;
  }
}

const empty = {
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
} as const;

const originalDestination = {
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
} as const;

/** The address that was dialled, on another port. */
function originalAddress(port: number) {
  return {
    ...originalDestination,
    lbConfig: { case: "originalDstLbConfig", value: { upstreamPortOverride: port } },
  } as const;
}

function discovered(serviceName: string, byWeight: boolean) {
  return {
    clusterDiscoveryType: { case: "type" as const, value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource(), serviceName },
    // Endpoints that are gone must get nothing, also when they were the last.
    commonLbConfig: {
      healthyPanicThreshold: { value: 0 },
      ...(byWeight
        ? { localityConfigSpecifier: { case: "localityWeightedLbConfig" as const, value: {} } }
        : {}),
    },
  };
}

const protocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The application's HTTP version is kept: HTTP/1.1 stays HTTP/1.1, HTTP/2 stays HTTP/2. */
const keepVersion = {
  case: "useDownstreamProtocolConfig",
  value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
} as const;

const sameProtocol = {
  [protocolOptions]: pack(HttpProtocolOptionsSchema, { upstreamProtocolOptions: keepVersion }),
};

/** The same for servers without a sidecar: nothing is left on the request that only a sidecar needs. */
const sameProtocolCleaned = {
  [protocolOptions]: pack(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: keepVersion,
    httpFilters: [
      extension("envoy.filters.http.header_mutation", HeaderMutationSchema, {
        mutations: {
          requestMutations: helperHeaders.map((header) => ({
            action: { case: "remove" as const, value: header },
          })),
        },
      }),
      extension("envoy.filters.http.upstream_codec", UpstreamCodecSchema, {}),
    ],
  }),
};

/** TLS where an endpoint is meshed, for the destination that it belongs to where several share the cluster. */
function transportSockets(view: ClusterView, trustDomain: string) {
  const alpn = view.protocol === "http" ? httpAlpn : tcpAlpn;
  const tls = ({ sni, serviceAccounts }: ClusterTls) =>
    upstreamTls({ sni, alpn, trustDomain, serviceAccounts });
  const whereMeshed = [
    ...(view.tls === undefined
      ? []
      : [{ name: "mesh", match: { meshed: "true" }, transportSocket: tls(view.tls) }]),
    ...(view.shares ?? []).map((share) => {
      const destination = clusterName(share.cluster);
      return {
        name: `mesh ${destination}`,
        match: { meshed: "true", destination },
        transportSocket: tls(share.tls),
      };
    }),
  ];
  return whereMeshed.length === 0 ? {} : { transportSocketMatches: [...whereMeshed, plaintext] };
}

const plaintext = {
  name: "plaintext",
  match: {},
  transportSocket: extension("envoy.transport_sockets.raw_buffer", RawBufferSchema, {}),
};

function serviceMetadata(service: ServiceLabel) {
  return heddleMetadata({
    [serviceMetadataKey]: joinService({
      service: service.hostname,
      serviceName: service.name,
      serviceNamespace: service.namespace,
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
    ...empty,
    metadata: serviceMetadata(othersLabels.refuse),
  });
}

/** The application itself, at the address that the client dialled unless it listens elsewhere. */
export function inboundCluster(
  port: number | undefined,
  service: ServiceLabel | undefined,
  endpoint?: IngressEndpoint,
): Cluster {
  return create(ClusterSchema, {
    name: inboundClusterName(port),
    connectTimeout,
    ...applicationAt(inboundClusterName(port), endpoint),
    typedExtensionProtocolOptions: sameProtocol,
    ...(service === undefined ? {} : { metadata: serviceMetadata(service) }),
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
    ...empty,
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint" as const, value: { address } } }] }],
    },
    ...(endpoint.kind === "loopback" ? { upstreamBindConfig: fromProxy } : {}),
  };
}

/** What a probe of the node is about. */
export type ProbeCheck =
  /** The request goes on to the application. */
  | { readonly kind: "http" }
  /** Envoy checks the application actively, and tells the node what it found. */
  | { readonly kind: "tcp" }
  | { readonly kind: "grpc"; readonly service: string };

/** The application for a probe of the node: a port at the pod's own address. */
export function probeCluster(name: string, address: string, port: number, check: ProbeCheck): Cluster {
  return create(ClusterSchema, {
    name,
    connectTimeout: duration(1_000),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    upstreamBindConfig: fromProxy,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { hostIdentifier: { case: "endpoint", value: { address: socketAddress(address, port) } } },
          ],
        },
      ],
    },
    healthChecks: healthChecks(check),
    ...(check.kind === "grpc" ? { typedExtensionProtocolOptions: http2 } : {}),
  });
}

const http2 = {
  [protocolOptions]: pack(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
    },
  }),
};

function healthChecks(check: ProbeCheck): MessageInitShape<typeof HealthCheckSchema>[] {
  if (check.kind === "http") return [];
  return [
    {
      timeout: duration(1_000),
      interval: duration(1_000),
      // Without traffic Envoy checks once a minute; the node counts failures, so one is enough here.
      noTrafficInterval: duration(1_000),
      noTrafficHealthyInterval: duration(1_000),
      unhealthyThreshold: 1,
      healthyThreshold: 1,
      healthChecker:
        check.kind === "tcp"
          ? { case: "tcpHealthCheck", value: {} }
          : {
              case: "grpcHealthCheck",
              // The default authority is the cluster's name, which servers may refuse.
              value: { serviceName: check.service, authority: "localhost" },
            },
    },
  ];
}
