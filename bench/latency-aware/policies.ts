// One Envoy with the same endpoints in clusters of different policies, each behind a path of its own.
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";

export const policyNames = ["round robin", "least request", "full scan", "latency-aware"] as const;
export type PolicyName = (typeof policyNames)[number];

/** A group of endpoints, and how they are balanced. */
export interface Cluster {
  readonly policy: PolicyName;
  readonly ports: readonly number[];
  /** With Envoy's default outlier detection. */
  readonly ejects?: boolean;
  /** Where endpoints are read from, and read again when it is replaced, instead of `ports`. */
  readonly endpointsFile?: string;
}

/** What a client's sidecar would wait for an answer. */
const routeTimeout = "1s";

const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.extensions.${name}` });

/** Envoy listens at `port`; the path `/NAME` leads to the cluster of that name. */
export function startBalancing(
  port: number,
  library: string,
  clusters: Readonly<Record<string, Cluster>>,
): Promise<Envoy> {
  return startEnvoy({
    node: { id: "bench", cluster: "bench" },
    bootstrap_extensions: [
      {
        name: "balancer",
        typed_config: {
          ...type("bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension"),
          ...dynamicModule(library),
          extension_name: "balancer",
        },
      },
    ],
    static_resources: {
      listeners: [listener(port, Object.keys(clusters))],
      clusters: Object.entries(clusters).map(([name, cluster]) => clusterConfig(name, cluster, library)),
    },
  });
}

function listener(port: number, names: readonly string[]): object {
  const manager = {
    ...type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "bench",
    generate_request_id: false,
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: names.map((name) => ({
            match: { path: `/${name}` },
            route: { cluster: name, timeout: routeTimeout },
          })),
        },
      ],
    },
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: type("filters.http.router.v3.Router") },
    ],
  };
  return {
    name: "bench",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
    ],
  };
}

function clusterConfig(name: string, cluster: Cluster, library: string): object {
  const { policy, ejects } = cluster;
  return {
    name,
    ...endpointsOf(name, cluster),
    connect_timeout: "1s",
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    ...(ejects === true && { outlier_detection: {} }),
    load_balancing_policy: {
      policies: [{ typed_extension_config: policyConfig(policy, library) }],
    },
    circuit_breakers: {
      thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }],
    },
    // The same for all policies: what it costs to measure is no part of the comparison of policies.
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": measuredProtocol(library),
    },
  };
}

function endpointsOf(name: string, { ports, endpointsFile }: Cluster): object {
  if (endpointsFile !== undefined) {
    const source = { path_config_source: { path: endpointsFile }, resource_api_version: "V3" };
    return { type: "EDS", eds_cluster_config: { eds_config: source } };
  }
  const endpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  }));
  return {
    type: "STATIC",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

const dynamicModule = (library: string) => ({
  dynamic_module_config: { module: { local: { filename: library } }, do_not_close: true },
});

function policyConfig(policy: PolicyName, library: string): object {
  const leastRequest = type("load_balancing_policies.least_request.v3.LeastRequest");
  switch (policy) {
    case "round robin":
      return {
        name: "envoy.load_balancing_policies.round_robin",
        typed_config: type("load_balancing_policies.round_robin.v3.RoundRobin"),
      };
    case "least request":
      return { name: "envoy.load_balancing_policies.least_request", typed_config: leastRequest };
    case "full scan":
      return {
        name: "envoy.load_balancing_policies.least_request",
        typed_config: { ...leastRequest, selection_method: "FULL_SCAN" },
      };
    case "latency-aware":
      return {
        name: "envoy.load_balancing_policies.dynamic_modules",
        typed_config: {
          ...type("load_balancing_policies.dynamic_modules.v3.DynamicModulesLoadBalancerConfig"),
          ...dynamicModule(library),
          lb_policy_name: "latency_aware",
        },
      };
  }
}

function measuredProtocol(library: string): object {
  return {
    ...type("upstreams.http.v3.HttpProtocolOptions"),
    explicit_http_config: { http_protocol_options: {} },
    http_filters: [
      {
        name: "heddle.latency",
        typed_config: {
          ...type("filters.http.dynamic_modules.v3.DynamicModuleFilter"),
          ...dynamicModule(library),
          filter_name: "latency",
        },
      },
      {
        name: "envoy.filters.http.upstream_codec",
        typed_config: type("filters.http.upstream_codec.v3.UpstreamCodec"),
      },
    ],
  };
}
