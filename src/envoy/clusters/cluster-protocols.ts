// How a cluster speaks HTTP.
import type { Http2ProtocolOptionsSchema } from "@heddle/envoy-api/envoy/config/core/v3/protocol";
import { HeaderMutationSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation";
import { UpstreamCodecSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec";
import { HttpProtocolOptionsSchema } from "@heddle/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";
import type { ClusterView } from "#compile/views.ts";
import type { ConnectionPool } from "#model/policy.ts";
import { helperHeaders } from "../filters/on-demand.ts";
import { duration, extension, type Init, pack } from "../messages.ts";
import { latencyFilter } from "./latency-aware.ts";
import { errorMatcher } from "./outlier-detection.ts";

const protocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

type Options = Init<typeof HttpProtocolOptionsSchema>;

function options(init: Options) {
  return { [protocolOptions]: pack(HttpProtocolOptionsSchema, init) };
}

/** The application's HTTP version is kept: HTTP/1.1 stays HTTP/1.1, with its trailers, HTTP/2 stays HTTP/2. */
function keepingVersion(http2ProtocolOptions: Init<typeof Http2ProtocolOptionsSchema> = {}) {
  return {
    case: "useDownstreamProtocolConfig",
    value: { httpProtocolOptions: { enableTrailers: true }, http2ProtocolOptions },
  } as const;
}

/** Nothing is left on the request that only a sidecar needs. */
const cleaning = extension("envoy.filters.http.header_mutation", HeaderMutationSchema, {
  mutations: {
    requestMutations: helperHeaders.map((header) => ({
      action: { case: "remove" as const, value: header },
    })),
  },
});

const codec = extension("codec", UpstreamCodecSchema, {});

export const sameProtocol = options({ upstreamProtocolOptions: keepingVersion() });

/** The same within limits. */
export function sameProtocolWithin(pool: ConnectionPool) {
  const common = commonOptions(pool);
  return options({
    upstreamProtocolOptions: keepingVersion(),
    ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
  });
}

/** The same for servers without a sidecar. */
export const sameProtocolCleaned = options({
  upstreamProtocolOptions: keepingVersion(),
  httpFilters: [cleaning, codec],
});

export const http1 = options({
  upstreamProtocolOptions: {
    case: "explicitHttpConfig",
    value: { protocolConfig: { case: "httpProtocolOptions", value: {} } },
  },
});

export const http2 = options({
  upstreamProtocolOptions: {
    case: "explicitHttpConfig",
    value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
  },
});

/** As the policies for a cluster have it. */
export function httpProtocol({ connectionPool = {}, ...view }: ClusterView) {
  const statuses = view.outlierDetection?.errorStatuses;
  const common = commonOptions(connectionPool);
  const filters = [
    ...(view.loadBalancing.kind === "latencyAware" ? [latencyFilter()] : []),
    ...(view.reachesUnmeshed ? [cleaning] : []),
  ];
  return options({
    upstreamProtocolOptions: versionOf(connectionPool),
    ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
    ...(view.origination === undefined ? {} : namesByHost(view.origination)),
    ...(statuses === undefined ? {} : { outlierDetection: { errorMatcher: errorMatcher(statuses) } }),
    ...(filters.length === 0 ? {} : { httpFilters: [...filters, codec] }),
  });
}

function versionOf(pool: ConnectionPool): NonNullable<Options["upstreamProtocolOptions"]> {
  const http2ProtocolOptions = http2Options(pool);
  if (pool.alwaysHttp2 !== true) return keepingVersion(http2ProtocolOptions);
  return {
    case: "explicitHttpConfig",
    value: {
      // WebSockets are carried in HTTP/2, too.
      protocolConfig: {
        case: "http2ProtocolOptions",
        value: { ...http2ProtocolOptions, allowConnect: true },
      },
    },
  };
}

function http2Options({
  maxConcurrentStreams,
  http2Keepalive,
}: ConnectionPool): Init<typeof Http2ProtocolOptionsSchema> {
  return {
    ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
    ...(http2Keepalive === undefined
      ? {}
      : {
          connectionKeepalive: {
            interval: duration(http2Keepalive.intervalMs),
            timeout: duration(http2Keepalive.timeoutMs),
          },
        }),
  };
}

function commonOptions({ maxRequestsPerConnection, idleTimeoutMs, maxConnectionDurationMs }: ConnectionPool) {
  return {
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
    ...(maxConnectionDurationMs === undefined
      ? {}
      : { maxConnectionDuration: duration(maxConnectionDurationMs) }),
  };
}

/** What TLS is told of the server's name is the request's Host, where the policy does not say. */
function namesByHost({ sni, subjectAltNames, roots }: NonNullable<ClusterView["origination"]>) {
  if (sni !== undefined) return {};
  const autoSanValidation = subjectAltNames === undefined && roots.kind !== "unverified";
  return { upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation } };
}
