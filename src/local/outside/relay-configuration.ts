import { MACHINE_ADDRESS, NODE_ADDRESS, RELAY_PORT } from "../addresses.ts";

/** Whatever an application keeps open stays open. */
const NO_LIMIT = 4_294_967_295;

/**
 * Envoy's configuration for the relay, which runs in the machine's network and listens in that of the mesh's node: a
 * connection goes on to where it was dialled, and one to the address that stands for this machine to 127.0.0.1. Pure.
 */
export function relayConfiguration(nodeNamespaceFile: string): object {
  return {
    static_resources: {
      listeners: [
        {
          name: "outside",
          address: {
            socket_address: {
              address: NODE_ADDRESS,
              port_value: RELAY_PORT,
              network_namespace_filepath: nodeNamespaceFile,
            },
          },
          // Where the connection was dialled before the node's rules sent it here.
          listener_filters: [
            extension("envoy.filters.listener.original_dst", "filters.listener.original_dst.v3.OriginalDst"),
          ],
          filter_chains: [
            {
              filter_chain_match: { prefix_ranges: [{ address_prefix: MACHINE_ADDRESS, prefix_len: 32 }] },
              filters: [toLoopback, passOn],
            },
            // No filter: who dials the relay itself is closed, for in the machine's network the address is another's.
            { filter_chain_match: { prefix_ranges: [{ address_prefix: NODE_ADDRESS, prefix_len: 32 }] } },
            { filters: [passOn] },
          ],
        },
      ],
      clusters: [
        {
          name: "outside",
          type: "ORIGINAL_DST",
          lb_policy: "CLUSTER_PROVIDED",
          connect_timeout: "10s",
          circuit_breakers: {
            thresholds: [
              { max_connections: NO_LIMIT, max_pending_requests: NO_LIMIT, max_requests: NO_LIMIT },
            ],
          },
        },
      ],
    },
  };
}

const toLoopback = extension(
  "envoy.filters.network.set_filter_state",
  "filters.network.set_filter_state.v3.Config",
  {
    on_new_connection: [
      {
        object_key: "envoy.network.transport_socket.original_dst_address",
        format_string: { text_format_source: { inline_string: "127.0.0.1:%DOWNSTREAM_LOCAL_PORT%" } },
      },
    ],
  },
);

const passOn = extension("envoy.filters.network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy", {
  stat_prefix: "outside",
  cluster: "outside",
  idle_timeout: "0s",
});

function extension(name: string, type: string, fields: object = {}): object {
  const config = { "@type": `type.googleapis.com/envoy.extensions.${type}`, ...fields };
  return { name, typed_config: config };
}
