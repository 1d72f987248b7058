/**
 * What an Envoy is started with, as JSON for `--config-yaml`: where the control plane is, how to prove the pod's
 * identity to it, and what to measure. Everything else comes by xDS. Made without Envoy's generated types, so that
 * the CLI starts quickly; test/envoy-contract/bootstrap.test.ts shows it to the real Envoy.
 */

import { trustBundleFile, trustBundleSecret } from "#identity/trust-bundle.ts";
import { adminPort } from "#interception/addresses.ts";
import { balancerMetadataKey, balancerPage, balancerVersion } from "#model/balancer.ts";
import { balancerExtension } from "./balancer-extension.ts";
import { typed } from "./envoy-json.ts";
import { statistics } from "./proxy-statistics.ts";
import { memoryBytes } from "./quantity.ts";
import type { InjectionSettings } from "./settings.ts";

/** The cluster of the control plane: xDS and telemetry. */
const controlPlaneCluster = "xds";

/** Where the token, the roots and their SDS files are. On purpose where the API token would be, which is then not mounted. */
export const credentialsDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";
export const tokenFile = "token";
export const tokenSdsFile = "sds.json";
const tokenSecret = "sa-token";

/** The variables that Kubernetes (or the local runner) expands in the arguments. */
function node(latencyAware: boolean): object {
  return {
    id: "$(POD_NAME).$(POD_NAMESPACE)",
    cluster: "$(SERVICE_ACCOUNT).$(POD_NAMESPACE)",
    metadata: { ip: "$(POD_IP)", ...(latencyAware && { [balancerMetadataKey]: balancerVersion }) },
  };
}

/** The bootstrap of a sidecar or gateway whose heap may have so many bytes: digits, see `maxHeapBytes`. */
export function bootstrap(settings: InjectionSettings, heapBytes: string): object {
  return {
    node: node(settings.latencyAware),
    bootstrap_extensions: [internalListeners, ...(settings.latencyAware ? [balancerExtension()] : [])],
    admin: admin(),
    dynamic_resources: dynamicResources(),
    static_resources: { clusters: [xdsCluster(settings.xdsAddress)] },
    ...statistics(settings.statsFlushSeconds, controlPlaneCluster),
    overload_manager: overloadManager(heapBytes),
    layered_runtime: { layers: [{ name: "fixed", static_layer: runtime }] },
  };
}

/** Connections may pass through listeners that only the proxy itself can reach. */
const internalListeners = {
  name: "envoy.bootstrap.internal_listener",
  typed_config: typed("extensions.bootstrap.internal_listener.v3.InternalListener"),
};

/** As Istio's proxies have it. Envoy's own limit is 100 instructions, which a list of a few paths exceeds. */
const runtime = { "re2.max_program_size.error_level": 32_768 };

/** The SDS resource that makes Envoy read the token again whenever it is replaced; a file by the Downward API. */
export function tokenSds(): string {
  return JSON.stringify({
    resources: [
      {
        ...typed("extensions.transport_sockets.tls.v3.Secret"),
        name: tokenSecret,
        generic_secret: {
          secret: {
            filename: `${credentialsDirectory}/${tokenFile}`,
            watched_directory: { path: credentialsDirectory },
          },
        },
      },
    ],
  });
}

/** Read-only pages alone: every container of the pod can reach them. */
function admin(): object {
  const exact = [
    "/clusters",
    "/listeners",
    "/config_dump",
    "/certs",
    "/server_info",
    "/memory",
    "/ready",
    "/init_dump",
    "/stats",
    "/stats/prometheus",
    balancerPage,
  ];
  return {
    address: { socket_address: { address: "127.0.0.1", port_value: adminPort } },
    allow_paths: [
      ...exact.map((path) => ({ exact: path })),
      ...exact.map((path) => ({ prefix: `${path}?` })),
    ],
  };
}

/** Without a timeout of the first fetch, and with /ready on a listener that comes by xDS, ready means configured. */
function dynamicResources(): object {
  const ads = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
  return {
    ads_config: {
      api_type: "DELTA_GRPC",
      transport_api_version: "V3",
      set_node_on_first_message_only: true,
      grpc_services: [
        {
          envoy_grpc: {
            cluster_name: controlPlaneCluster,
            // The default backs off to 30 s, for which new pods would wait after the control plane is back.
            retry_policy: { retry_back_off: { base_interval: "0.2s", max_interval: "2s" } },
          },
        },
      ],
    },
    lds_config: ads,
    cds_config: ads,
  };
}

function xdsCluster({ host, port }: InjectionSettings["xdsAddress"]): object {
  return {
    name: controlPlaneCluster,
    cluster_type: {
      name: "envoy.cluster.dns",
      typed_config: {
        ...typed("extensions.clusters.dns.v3.DnsCluster"),
        dns_lookup_family: "V4_ONLY",
        dns_failure_refresh_rate: { base_interval: "0.5s", max_interval: "2s" },
      },
    },
    connect_timeout: "2s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        ...typed("extensions.upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: "30s", timeout: "5s" } },
        },
        http_filters: [
          tokenInjector(),
          {
            name: "envoy.filters.http.upstream_codec",
            typed_config: typed("extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
          },
        ],
      },
    },
    load_assignment: {
      cluster_name: controlPlaneCluster,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: port } } } }],
        },
      ],
    },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        ...typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
        sni: host,
        common_tls_context: tlsContext(host),
      },
    },
  };
}

/** Puts the pod's token on every stream to the control plane. */
function tokenInjector(): object {
  return {
    name: "envoy.filters.http.credential_injector",
    typed_config: {
      ...typed("extensions.filters.http.credential_injector.v3.CredentialInjector"),
      overwrite: true,
      credential: {
        name: "envoy.http.injected_credentials.generic",
        typed_config: {
          ...typed("extensions.http.injected_credentials.generic.v3.Generic"),
          header: "authorization",
          header_value_prefix: "Bearer ",
          credential: { name: tokenSecret, sds_config: watchedFile(tokenSdsFile) },
        },
      },
    },
  };
}

function tlsContext(host: string): object {
  return {
    tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
    combined_validation_context: {
      default_validation_context: {
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: host } }],
      },
      validation_context_sds_secret_config: {
        name: trustBundleSecret,
        sds_config: watchedFile(trustBundleFile),
      },
    },
  };
}

/** The kubelet replaces the files of a volume by a rename within its directory. */
function watchedFile(name: string): object {
  return {
    path_config_source: {
      path: `${credentialsDirectory}/${name}`,
      watched_directory: { path: credentialsDirectory },
    },
  };
}

/** Of ten parts of the container's memory the heap may take so many: the rest is stacks and pages of the binary. */
export const heapTenths = 8;

/** Far above what a sidecar sees; a flood ends here and not at the limit of open files. */
const maximumConnections = 50_000;

/** What the heap of a proxy may have with this limit of memory. */
export function maxHeapBytes(memoryLimit: string): string {
  const bytes = memoryBytes(memoryLimit);
  if (bytes === undefined) throw new Error(`${memoryLimit} is no amount of memory`);
  return String(Math.floor((bytes * heapTenths) / 10));
}

/** Sheds load before the kernel kills the proxy for its memory. */
function overloadManager(heapBytes: string): object {
  const heap = "envoy.resource_monitors.fixed_heap";
  const action = (name: string, value: number) => ({
    name: `envoy.overload_actions.${name}`,
    triggers: [{ name: heap, threshold: { value } }],
  });
  return {
    refresh_interval: "1s",
    resource_monitors: [
      {
        name: heap,
        typed_config: {
          ...typed("extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"),
          max_heap_size_bytes: heapBytes,
        },
      },
      {
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: {
          ...typed("extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"),
          max_active_downstream_connections: maximumConnections,
        },
      },
    ],
    actions: [action("shrink_heap", 0.9), action("stop_accepting_requests", 0.95)],
  };
}
