// Envoys with the latency-aware balancer in front of servers whose behaviour a test decides.
import http from "node:http";
import http2 from "node:http2";
import type net from "node:net";
import { findBalancer } from "#local/balancer-library.ts";
import { balancerPage } from "#model/balancer.ts";
import { type Envoy, envoyBinary, startEnvoy } from "#test/helpers/envoy.ts";
import { freePort } from "#test/helpers/free-port.ts";

/** The library under test; without it there is nothing to test. */
export async function balancerLibrary(): Promise<string> {
  const library = await findBalancer(envoyBinary(), () => {});
  if (library.kind === "missing") throw new Error(`there is no balancer: ${library.reason}`);
  return library.path;
}

const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.extensions.${name}` });

export const router = {
  name: "envoy.filters.http.router",
  typed_config: type("filters.http.router.v3.Router"),
};

/** A server that counts, and answers as `answer` does. */
export interface Server {
  readonly port: number;
  requests(): number;
  close(): void;
}

export type Answer = (response: http.ServerResponse) => void;

export const after =
  (milliseconds: number): Answer =>
  (response) =>
    void setTimeout(() => response.end("good"), milliseconds);

export const never: Answer = () => {};

export const status =
  (code: number): Answer =>
  (response) =>
    void response.writeHead(code).end();

/** HTTP/1.1, or HTTP/2 without TLS. */
export async function startServer(answer: Answer, version: 1 | 2 = 1): Promise<Server> {
  let count = 0;
  const onRequest = (response: http.ServerResponse): void => {
    count++;
    answer(response);
  };
  const server =
    version === 1
      ? http.createServer({ keepAliveTimeout: 0 }, (_request, response) => onRequest(response))
      : http2.createServer((_request, response) => onRequest(response as unknown as http.ServerResponse));
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    requests: () => count,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const endpoint = (port: number, more: object = {}) => ({
  endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  ...more,
});

export interface ClusterOptions {
  /** Settings of the balancer. */
  readonly settings?: string;
  readonly version?: 1 | 2;
  readonly more?: object;
}

const module = (library: string) => ({
  dynamic_module_config: { module: { local: { filename: library } }, do_not_close: true },
});

/** The policy alone. */
export function latencyAware(library: string, settings = ""): object {
  return {
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: "envoy.load_balancing_policies.dynamic_modules",
            typed_config: {
              ...type("load_balancing_policies.dynamic_modules.v3.DynamicModulesLoadBalancerConfig"),
              ...module(library),
              lb_policy_name: "latency_aware",
              lb_policy_config: {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                value: settings,
              },
            },
          },
        },
      ],
    },
  };
}

/** A cluster `app` of these localities, balanced by latency. */
export function appCluster(
  library: string,
  localities: readonly object[],
  options: ClusterOptions = {},
): object {
  const { settings, version = 1, more = {} } = options;
  return {
    name: "app",
    type: "STATIC",
    connect_timeout: "1s",
    ...latencyAware(library, settings),
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        ...type("upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config: version === 1 ? { http_protocol_options: {} } : { http2_protocol_options: {} },
        http_filters: [
          {
            name: "heddle.latency",
            typed_config: {
              ...type("filters.http.dynamic_modules.v3.DynamicModuleFilter"),
              ...module(library),
              filter_name: "latency",
            },
          },
          {
            name: "envoy.filters.http.upstream_codec",
            typed_config: type("filters.http.upstream_codec.v3.UpstreamCodec"),
          },
        ],
      },
    },
    load_assignment: { cluster_name: "app", endpoints: localities },
    ...more,
  };
}

export interface Balanced extends Envoy {
  readonly port: number;
  /** What the balancers know, by address. */
  known(): Promise<Readonly<Record<string, Known>>>;
}

export interface Known {
  readonly latencyMs: number | null;
  readonly outstanding: number;
}

/** Envoy in front of a cluster `app`; requests wait for a second at most. */
export async function startBalanced(
  library: string,
  cluster: object,
  { filters = [router], tcp = false }: { readonly filters?: readonly object[]; readonly tcp?: boolean } = {},
): Promise<Balanced> {
  const port = await freePort();
  const envoy = await startEnvoy({
    bootstrap_extensions: [
      {
        name: "heddle.balancer",
        typed_config: {
          ...type("bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension"),
          ...module(library),
          extension_name: "balancer",
        },
      },
    ],
    static_resources: {
      clusters: [cluster],
      listeners: [tcp ? tcpListener(port) : httpListener(port, filters)],
    },
  });
  await envoy.listening("app");
  return {
    ...envoy,
    port,
    known: async () => {
      const text = await envoy.admin(balancerPage);
      const clusters = JSON.parse(text) as readonly {
        readonly endpoints: readonly (Known & { readonly address: string })[];
      }[];
      return Object.fromEntries(
        clusters.flatMap(({ endpoints }) =>
          endpoints.map(({ address, latencyMs, outstanding }) => [address, { latencyMs, outstanding }]),
        ),
      );
    },
  };
}

function listener(port: number, filter: object): object {
  return {
    name: "app",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [filter] }],
  };
}

function httpListener(port: number, filters: readonly object[]): object {
  const route = { match: { prefix: "/" }, route: { cluster: "app", timeout: "1s" } };
  return listener(port, {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      ...type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
      stat_prefix: "app",
      route_config: { virtual_hosts: [{ name: "app", domains: ["*"], routes: [route] }] },
      http_filters: filters,
    },
  });
}

function tcpListener(port: number): object {
  return listener(port, {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: { ...type("filters.network.tcp_proxy.v3.TcpProxy"), stat_prefix: "app", cluster: "app" },
  });
}
