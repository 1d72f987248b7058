import { largestCount } from "../counts.ts";
import { parseDuration } from "../duration.ts";
import type { ConnectionPool } from "../policy.ts";
import { present } from "../present.ts";
import type { ConnectionPool as IstioConnectionPool } from "./connection-pool.ts";

/** The most streams of a connection that HTTP/2 has. */
const largestStreams = 2 ** 31 - 1;

/** What Linux takes for the probes of a connection, and for the seconds between them. */
const [largestProbes, largestSeconds] = [127, 32_767];

/** API object → domain type. A limit of 0 is none, as is one that is absent; what is greater than proxies know is their greatest. */
export function connectionPool({ tcp, http }: IstioConnectionPool): ConnectionPool {
  return present({
    maxConnections: positive(tcp?.maxConnections),
    connectTimeoutMs: positive(milliseconds(tcp?.connectTimeout)),
    keepalive: keepalive(tcp?.tcpKeepalive),
    maxConnectionDurationMs: positive(milliseconds(tcp?.maxConnectionDuration)),
    maxPendingRequests: positive(http?.http1MaxPendingRequests),
    maxRequests: positive(http?.http2MaxRequests),
    maxRequestsPerConnection: positive(http?.maxRequestsPerConnection),
    maxRetries: positive(http?.maxRetries),
    tcpIdleTimeoutMs: positive(milliseconds(tcp?.idleTimeout)),
    // As in Istio, where HTTP has none of its own.
    idleTimeoutMs: milliseconds(http?.idleTimeout ?? tcp?.idleTimeout),
    alwaysHttp2:
      http?.h2UpgradePolicy === "UPGRADE" && http.useClientProtocol !== true ? (true as const) : undefined,
    maxConcurrentStreams: positive(http?.maxConcurrentStreams, largestStreams),
    http2Keepalive: http2Keepalive(http?.http2KeepAlive),
  });
}

function positive(value: number | undefined, largest = largestCount): number | undefined {
  return value === undefined || value <= 0 ? undefined : Math.min(value, largest);
}

function milliseconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}

/** The kernel counts in seconds. */
function seconds(duration: string | undefined): number | undefined {
  const ms = milliseconds(duration);
  return ms === undefined ? undefined : positive(Math.ceil(ms / 1000), largestSeconds);
}

function keepalive(
  given: NonNullable<IstioConnectionPool["tcp"]>["tcpKeepalive"],
): ConnectionPool["keepalive"] {
  if (given === undefined) return undefined;
  return present({
    probes: positive(given.probes, largestProbes),
    time: seconds(given.time),
    interval: seconds(given.interval),
  });
}

function http2Keepalive(
  given: NonNullable<IstioConnectionPool["http"]>["http2KeepAlive"],
): ConnectionPool["http2Keepalive"] {
  const [intervalMs, timeoutMs] = [milliseconds(given?.interval), milliseconds(given?.timeout)];
  return intervalMs === undefined || timeoutMs === undefined || intervalMs < 1 || timeoutMs < 1
    ? undefined
    : { intervalMs, timeoutMs };
}
