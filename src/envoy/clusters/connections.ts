// How long a proxy waits for a connection, and for one whose other end has gone without a word.
import type { ClusterSchema } from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import type { ClusterView } from "#compile/views.ts";
import type { ConnectionPool } from "#model/policy.ts";
import { duration, type Init } from "../messages.ts";

type Connections = Pick<
  Init<typeof ClusterSchema>,
  "connectTimeout" | "upstreamConnectionOptions" | "upstreamBindConfig"
>;

/** Istio's default; the handshake of TLS is within it. */
export const connectTimeout = duration(10_000);

/** Towards the endpoints of a cluster that clients use. */
export function outboundConnections({ endpoints, protocol, connectionPool }: ClusterView): Connections {
  return {
    ...(endpoints.kind === "listed" && protocol === "http" ? ofRequests : { connectTimeout }),
    ...connectionsOf(connectionPool),
  };
}

/** What a policy says of connections. */
export function connectionsOf({ connectTimeoutMs, keepalive }: ConnectionPool = {}): Connections {
  return {
    ...(connectTimeoutMs === undefined ? {} : { connectTimeout: duration(connectTimeoutMs) }),
    ...(keepalive === undefined
      ? {}
      : { upstreamConnectionOptions: { tcpKeepalive: tcpKeepalive(keepalive) } }),
  };
}

function tcpKeepalive({ probes, time, interval }: NonNullable<ConnectionPool["keepalive"]>) {
  return {
    ...(probes === undefined ? {} : { keepaliveProbes: probes }),
    ...(time === undefined ? {} : { keepaliveTime: time }),
    ...(interval === undefined ? {} : { keepaliveInterval: interval }),
  };
}

/** From <linux/in.h> and <linux/tcp.h>. */
const [IPPROTO_TCP, TCP_USER_TIMEOUT] = [6n, 18n];

/**
 * Towards endpoints of which another can be tried.
 *
 * Who does not answer must not take the time in which another one would: a request that has not got a connection is sent
 * elsewhere. A SYN that is lost is sent again after a second, so that there is time for two, and for the handshake.
 *
 * A node that is lost says nothing, and Linux goes on sending for a quarter of an hour. Here a connection ends when the
 * other _kernel_ has acknowledged nothing for 20 s: what was sent, or else the question whether it is there. A process
 * that is slow or stopped has a kernel that answers. Not for TCP: Linux takes a server for gone that reads nothing for
 * so long, and those of queues may mean it.
 */
const ofRequests: Connections = {
  connectTimeout: duration(3_000),
  upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 10, keepaliveInterval: 5 } },
  upstreamBindConfig: {
    socketOptions: [
      { level: IPPROTO_TCP, name: TCP_USER_TIMEOUT, value: { case: "intValue", value: 20_000n } },
    ],
  },
};
