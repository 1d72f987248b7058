// Two hand-written Envoys with mutual TLS, without interception, discovery or telemetry: what sidecars are compared to.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IssuedCertificate, openAuthority } from "#identity/authority.ts";
import { findEnvoy } from "#local/envoy-binary.ts";
import type { Container } from "#model/kubernetes/pod.ts";
import { serverPort } from "./fixture.ts";

export const barePort = 15_001;
const tlsPort = 15_006;
const lifetimeMs = 60 * 60 * 1000;

/** A route as Envoy's API has it, on a port of the client's Envoy. */
export interface BareRoute {
  readonly port: number;
  readonly route: object;
  /** HTTP filters that stand before the router. */
  readonly filters: readonly object[];
}

/** Everything, to the server. */
export const plainRoute: BareRoute = {
  port: barePort,
  route: { match: { prefix: "/" }, route: { cluster: "upstream", timeout: "0s" } },
  filters: [],
};

/** Containers for a client's and a server's pod; the client's listens on loopback, a port for each route. */
export async function bareEnvoys(
  namespaceName: string,
  serverHost: string,
  routes: readonly BareRoute[],
): Promise<{ readonly client: Container; readonly server: Container }> {
  const directory = mkdtempSync(join(tmpdir(), "heddle-bench-"));
  try {
    const authority = await openAuthority(directory, { trustDomain: "cluster.local" });
    const issue = (workload: string): Promise<IssuedCertificate> =>
      authority.issueWorkload({ namespace: namespaceName, serviceAccount: workload, workload }, lifetimeMs);
    const envoy = await findEnvoy((line) => process.stderr.write(`${line}\n`));
    const container = (config: object): Container => ({
      name: "envoy",
      command: [envoy],
      args: [
        "--config-yaml",
        JSON.stringify(config),
        "--concurrency",
        "2",
        "--disable-hot-restart",
        "-l",
        "warning",
      ],
    });
    const identity = (name: string): string => `spiffe://cluster.local/ns/${namespaceName}/sa/${name}`;
    return {
      client: container(
        clientConfig(
          serverHost,
          routes,
          tlsContext(await issue("client"), authority.rootPem, identity("server")),
        ),
      ),
      server: container(
        serverConfig(tlsContext(await issue("server"), authority.rootPem, identity("client"))),
      ),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function clientConfig(host: string, routes: readonly BareRoute[], commonTlsContext: object): object {
  return configuration("127.0.0.1", routes, undefined, {
    name: "upstream",
    type: "STRICT_DNS",
    dns_lookup_family: "V4_ONLY",
    dns_refresh_rate: "1s",
    load_assignment: assignment(host, tlsPort),
    transport_socket: transportSocket("UpstreamTlsContext", { common_tls_context: commonTlsContext }),
  });
}

function serverConfig(commonTlsContext: object): object {
  const downstream = transportSocket("DownstreamTlsContext", {
    common_tls_context: commonTlsContext,
    require_client_certificate: true,
  });
  return configuration("0.0.0.0", [{ ...plainRoute, port: tlsPort }], downstream, {
    name: "upstream",
    type: "STATIC",
    load_assignment: assignment("127.0.0.1", serverPort),
  });
}

/** A listener with a connection manager for each route, and one cluster. */
function configuration(
  address: string,
  routes: readonly BareRoute[],
  transport: object | undefined,
  cluster: object,
): object {
  const listeners = routes.map(({ port, ...rest }) => ({
    name: `bare ${port}`,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [
      {
        filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager(rest) }],
        ...(transport === undefined ? {} : { transport_socket: transport }),
      },
    ],
  }));
  return { static_resources: { listeners, clusters: [cluster] } };
}

function manager({ route, filters }: Pick<BareRoute, "route" | "filters">): object {
  return {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "bare",
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
    http_filters: [
      ...filters,
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
}

function tlsContext(certificate: IssuedCertificate, rootPem: string, peer: string): object {
  return {
    tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
    tls_certificates: [
      {
        certificate_chain: { inline_string: certificate.chainPem },
        private_key: { inline_string: certificate.keyPem.reveal() },
      },
    ],
    validation_context: {
      trusted_ca: { inline_string: rootPem },
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }],
    },
  };
}

function transportSocket(type: string, context: object): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${type}`,
      ...context,
    },
  };
}

function assignment(address: string, port: number): object {
  const endpoint = { address: { socket_address: { address, port_value: port } } };
  return { cluster_name: "upstream", endpoints: [{ lb_endpoints: [{ endpoint }] }] };
}
