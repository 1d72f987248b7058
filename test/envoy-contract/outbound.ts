// The outbound side of a sidecar as the contract tests use it: one listener behind a redirect, HTTP on demand
// by destination, TCP on demand by destination, everything outside the mesh's ranges passed through.
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@heddle/envoy-api/envoy/config/endpoint/v3/endpoint";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { FilterChainSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import { RouteConfigurationSchema } from "@heddle/envoy-api/envoy/config/route/v3/route";
import {
  FilterConfigSchema,
  type RouteSchema,
  VirtualHostSchema,
} from "@heddle/envoy-api/envoy/config/route/v3/route_components";
import { StdoutAccessLogSchema } from "@heddle/envoy-api/envoy/extensions/access_loggers/stream/v3/stream";
import { FilterChainConfigSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/filter_chain/v3/filter_chain";
import { LuaSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/lua/v3/lua";
import { OnDemandSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/on_demand/v3/on_demand";
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { HttpInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector";
import { OriginalDstSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst";
import {
  type HttpConnectionManager_UpgradeConfigSchema,
  HttpConnectionManagerSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { ConfigSchema as SetFilterStateSchema } from "@heddle/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state";
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation";
import { HttpProtocolOptionsSchema } from "@heddle/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import {
  adsSource,
  any,
  extension,
  type Init,
  milliseconds,
  socketAddress,
  typedExtension,
} from "#test/helpers/config.ts";

type FilterChainInit = Init<typeof FilterChainSchema>;
type RouteInit = Init<typeof RouteSchema>;
type ManagerInit = Init<typeof HttpConnectionManagerSchema>;
type Extension = ReturnType<typeof extension>;
type TypedExtension = ReturnType<typeof typedExtension>;

/** Redirects as a sidecar's init container does it: all but the proxy's own uid and loopback. */
export const outboundRules = `
table ip heddle {
  chain output {
    type nat hook output priority -100;
    meta skuid 1337 return
    ip daddr 127.0.0.0/8 return
    meta l4proto tcp redirect to :15001
  }
}`;

/** Rewrites a request without a virtual host so that its destination, not its Host, chooses one. */
const missCode = `function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace("x-heddle-authority", headers:get(":authority"))
  headers:replace(":authority", handle:streamInfo():downstreamLocalAddress())
  headers:replace("x-heddle-miss", "1")
  handle:clearRouteCache()
end`;

/** The last route of every virtual host: only there to enable the way by destination; its action is never reached. */
export const missRoute: RouteInit = {
  match: {
    pathSpecifier: { case: "prefix", value: "/" },
    headers: [
      {
        name: "x-heddle-miss",
        invertMatch: true,
        headerMatchSpecifier: { case: "presentMatch", value: true },
      },
    ],
  },
  action: { case: "directResponse", value: { status: 599 } },
  // An empty configuration, which is mandatory, leaves the filter as it is.
  typedPerFilterConfig: { "heddle.by_destination": any(FilterConfigSchema, { config: {} }) },
};

const putDestination = typedExtension("put", LuaSchema, {
  defaultSourceCode: { specifier: { case: "inlineString", value: missCode } },
});

/** Looks up virtual hosts, and clusters for so many milliseconds. */
function onDemandFilter(timeoutMs: number): TypedExtension {
  return typedExtension("envoy.filters.http.on_demand", OnDemandSchema, {
    odcds: { source: adsSource, timeout: milliseconds(timeoutMs) },
  });
}

/** What a request passes that has missed; it stands in the chain of no other. */
function byDestination(onDemand: TypedExtension, filters: readonly TypedExtension[]) {
  return {
    ...extension("heddle.by_destination", FilterChainConfigSchema, {
      defaultFilterChain: { filters: [putDestination, onDemand, ...filters] },
    }),
    disabled: true,
  };
}

function inChain({ name, typedConfig }: TypedExtension): Extension {
  return { name, configType: { case: "typedConfig", value: typedConfig } };
}

const forgedHeaders = typedExtension("heddle.forged", HeaderMutationSchema, {
  mutations: [
    { action: { case: "remove", value: "x-heddle-miss" } },
    { action: { case: "remove", value: "x-heddle-authority" } },
  ],
});

/** The connection's filter state has where it goes. */
export const destinationState = extension("envoy.filters.network.set_filter_state", SetFilterStateSchema, {
  onNewConnection: [
    stateOf("heddle.dst", "%DOWNSTREAM_LOCAL_ADDRESS%", "envoy.string"),
    stateOf("heddle.ip", "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "envoy.network.ip"),
  ],
});

function stateOf(key: string, format: string, factoryKey = "") {
  return {
    key: { case: "objectKey" as const, value: key },
    factoryKey,
    value: {
      case: "formatString" as const,
      value: {
        format: {
          case: "textFormatSource" as const,
          value: { specifier: { case: "inlineString" as const, value: format } },
        },
      },
    },
  };
}

/** An access log on stdout, one line a request, found in `envoy.output()`. */
export const accessLog = extension("stdout", StdoutAccessLogSchema, {
  accessLogFormat: {
    case: "logFormat",
    value: {
      format: {
        case: "textFormatSource",
        value: {
          specifier: {
            case: "inlineString",
            value:
              "LOG %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% code=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS% cluster=%UPSTREAM_CLUSTER% bytes=%BYTES_RECEIVED%\n",
          },
        },
      },
    },
  },
});

/** What a test may change in the outbound connection manager. */
export interface OutboundOptions {
  /** What routes can configure. */
  readonly filters?: readonly TypedExtension[];
  /** Filters that stand in the chain alone. */
  readonly alone?: readonly (Extension & { readonly disabled: boolean })[];
  readonly manager?: ManagerInit;
  readonly upgrades?: readonly Init<typeof HttpConnectionManager_UpgradeConfigSchema>[];
  /** For how long a request waits for a cluster; 5 s by default. */
  readonly lookUpMs?: number;
  /** For how long a connection may be silent that could be HTTP; by default longer than any machine is busy. */
  readonly detectionMs?: number;
}

/** The connection manager for all HTTP inside the mesh. */
export function outboundManager(options: OutboundOptions = {}): Extension {
  const { filters = [], lookUpMs = 5_000 } = options;
  const onDemand = onDemandFilter(lookUpMs);
  return extension("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, {
    statPrefix: "outbound",
    accessLog: [accessLog],
    routeSpecifier: { case: "rds", value: { configSource: adsSource, routeConfigName: "outbound" } },
    earlyHeaderMutationExtensions: [forgedHeaders],
    upgradeConfigs: [...(options.upgrades ?? [{ upgradeType: "websocket" }])],
    httpFilters: [
      inChain(onDemand),
      byDestination(onDemand, filters),
      ...filters.map((filter) => ({ ...inChain(filter), disabled: true })),
      ...(options.alone ?? []),
      extension("envoy.filters.http.router", RouterSchema, {}),
    ],
    ...options.manager,
  });
}

/** For how long a connection waits for its cluster. */
export const tcpLookUpMs = 5_000;

const tcpOnDemand: readonly Extension[] = [
  extension("envoy.filters.network.set_filter_state", SetFilterStateSchema, {
    onNewConnection: [stateOf("envoy.tcp_proxy.cluster", "tcp|%DOWNSTREAM_LOCAL_ADDRESS%")],
  }),
  extension("envoy.filters.network.tcp_proxy", TcpProxySchema, {
    statPrefix: "outbound_tcp",
    clusterSpecifier: { case: "cluster", value: "unused" },
    onDemand: { odcdsConfig: adsSource, timeout: milliseconds(tcpLookUpMs) },
  }),
];

const meshRanges = [
  { addressPrefix: "10.96.0.0", prefixLen: 16 },
  { addressPrefix: "10.244.0.0", prefixLen: 16 },
];

/** The listener on 127.0.0.1:15001; `serverFirstPort` skips HTTP detection. */
export function outboundListener(options: OutboundOptions = {}): AdsResource {
  const chains: FilterChainInit[] = [
    { name: "self", filterChainMatch: { destinationPort: 15001 } },
    {
      name: "http",
      filterChainMatch: { prefixRanges: meshRanges, applicationProtocols: ["http/1.0", "http/1.1", "h2c"] },
      filters: [destinationState, outboundManager(options)],
    },
    { name: "tcp", filterChainMatch: { prefixRanges: meshRanges }, filters: [...tcpOnDemand] },
  ];
  return ads("listener", ListenerSchema, {
    name: "outbound",
    address: socketAddress("127.0.0.1", 15001),
    listenerFilters: [
      extension("envoy.filters.listener.original_dst", OriginalDstSchema, {}),
      {
        ...extension("envoy.filters.listener.http_inspector", HttpInspectorSchema, {}),
        filterDisabled: {
          rule: { case: "destinationPortRange", value: { start: serverFirstPort, end: serverFirstPort + 1 } },
        },
      },
    ],
    listenerFiltersTimeout: milliseconds(options.detectionMs ?? 60_000),
    continueOnListenerFiltersTimeout: true,
    filterChains: chains,
    defaultFilterChain: {
      name: "outside",
      filters: [
        extension("envoy.filters.network.tcp_proxy", TcpProxySchema, {
          statPrefix: "outside",
          clusterSpecifier: { case: "cluster", value: "outside" },
        }),
      ],
    },
  });
}

/** A port that is known to speak first. */
export const serverFirstPort = 3306;

/** The cluster for everything outside. */
export const outsideCluster = ads("cluster", ClusterSchema, {
  name: "outside",
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  connectTimeout: milliseconds(1_000),
});

/** The route configuration with nothing but the miss, virtual hosts on demand. */
export const outboundRoutes = ads("routes", RouteConfigurationSchema, {
  name: "outbound",
  vhds: { configSource: { ...adsSource, initialFetchTimeout: milliseconds(1) } },
  virtualHosts: [{ name: "miss", domains: ["*"], routes: [missRoute] }],
});

/** A virtual host of one destination, such as `10.96.0.1:80`. */
export interface Destination {
  readonly destination: string;
  readonly domains: readonly string[];
  readonly cluster?: string;
  readonly route?: RouteInit;
  readonly version?: string;
}

/** The VirtualHost `outbound/<destination>`; real routes require the destination, the miss comes last. */
export function virtualHost({ destination, domains, cluster, route, version }: Destination): AdsResource {
  const name = `outbound/${destination}`;
  const real: RouteInit = {
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster ?? `http|${destination}` },
        hostRewriteSpecifier: { case: "hostRewriteHeader", value: "x-heddle-authority" },
        maxStreamDuration: { maxStreamDuration: milliseconds(0) },
        timeout: milliseconds(0),
      },
    },
    ...route,
    match: {
      pathSpecifier: { case: "prefix", value: "/" },
      filterState: [
        {
          key: "heddle.dst",
          matcher: { case: "stringMatch", value: { matchPattern: { case: "exact", value: destination } } },
        },
      ],
    },
  };
  return ads(
    "virtualHost",
    VirtualHostSchema,
    { name, domains: [destination, ...domains], routes: [real, missRoute] },
    { aliases: [name], version: version ?? "1" },
  );
}

/** HTTP/1.1 to HTTP/1.1, HTTP/2 to HTTP/2. */
export const sameProtocol = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "useDownstreamProtocolConfig",
      value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
    },
  }),
};

/** An EDS cluster. */
export function edsCluster(name: string, more: Init<typeof ClusterSchema> = {}): AdsResource {
  return ads("cluster", ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource },
    connectTimeout: milliseconds(1_000),
    typedExtensionProtocolOptions: sameProtocol,
    ...more,
  });
}

/** An endpoint, `address:port`, or one that takes part in the mesh. */
export type EndpointInit = string | { readonly meshed: string };

const meshedMetadata = { filterMetadata: { "envoy.transport_socket_match": { mtls: true } } };

/** Endpoints of a cluster. */
export function endpoints(cluster: string, ...addresses: readonly EndpointInit[]): AdsResource {
  return ads("endpoints", ClusterLoadAssignmentSchema, {
    clusterName: cluster,
    endpoints: [
      {
        lbEndpoints: addresses.map((address) => {
          const isMeshed = typeof address !== "string";
          const [host = "", port] = (isMeshed ? address.meshed : address).split(":");
          return {
            ...(isMeshed ? { metadata: meshedMetadata } : {}),
            hostIdentifier: {
              case: "endpoint" as const,
              value: { address: socketAddress(host, Number(port)) },
            },
          };
        }),
      },
    ],
  });
}
