// mTLS between sidecars as the contract tests use it: the inbound listener, transport sockets, secrets.
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "@heddle/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener";
import type { FilterChainSchema } from "@heddle/envoy-api/envoy/config/listener/v3/listener_components";
import { RouterSchema } from "@heddle/envoy-api/envoy/extensions/filters/http/router/v3/router";
import { HttpInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector";
import { OriginalDstSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst";
import { TlsInspectorSchema } from "@heddle/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector";
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManagerSchema,
} from "@heddle/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { TcpProxySchema } from "@heddle/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { RawBufferSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer";
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/common";
import { SecretSchema } from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls";
import { type AdsResource, ads } from "#test/helpers/ads.ts";
import type { Certificate } from "#test/helpers/certificates.ts";
import { adsSource, extension, type Init, milliseconds, socketAddress } from "#test/helpers/config.ts";
import { accessLog, sameProtocol, serverFirstPort } from "./outbound.ts";

type FilterChainInit = Init<typeof FilterChainSchema>;
type Filter = ReturnType<typeof extension>;

/** The rules of a sidecar's init container: inbound to 15006, outbound to 15001. */
export const sidecarRules = `
table inet heddle {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    meta nfproto ipv6 return
    tcp dport 15021 return
    meta l4proto tcp redirect to :15006
  }
  chain output {
    type nat hook output priority -100;
    meta nfproto ipv6 return
    ip saddr 127.0.0.6 oifname "lo" return
    oifname "lo" ip daddr != 127.0.0.1 meta skuid 1337 meta l4proto tcp redirect to :15006
    meta skuid 1337 return
    ip daddr 127.0.0.0/8 return
    meta l4proto tcp redirect to :15001
  }
}`;

const certificateSecret = { name: "default", sdsConfig: adsSource };
const bundleSecret = { name: "bundle", sdsConfig: adsSource };
const tls13 = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

function commonTls(uriPrefix: string): Init<typeof CommonTlsContextSchema> {
  return {
    tlsParams: tls13,
    tlsCertificateSdsSecretConfigs: [certificateSecret],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: [
            {
              sanType: SubjectAltNameMatcher_SanType.URI,
              matcher: { matchPattern: { case: "prefix", value: uriPrefix } },
            },
          ],
        },
        validationContextSdsSecretConfig: bundleSecret,
      },
    },
  };
}

/** A client's side: the application protocol tells the server whether HTTP or anything else is inside. */
export function clientTls(inside: "http" | "tcp", uriPrefix = "spiffe://cluster.local/"): Filter {
  return extension("envoy.transport_sockets.tls", UpstreamTlsContextSchema, {
    commonTlsContext: { ...commonTls(uriPrefix), alpnProtocols: [`heddle-${inside}`] },
  });
}

/** A server's side: client certificate required, no ALPN of its own, so that the codec looks at the preface. */
export function serverTls(): Filter {
  return extension("envoy.transport_sockets.tls", DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: commonTls("spiffe://cluster.local/"),
  });
}

/** The workload's certificate and the trust bundle. */
export function secrets(certificate: Certificate, root: string, version = "1"): readonly AdsResource[] {
  return [
    ads(
      "secret",
      SecretSchema,
      {
        name: "default",
        type: {
          case: "tlsCertificate",
          value: {
            certificateChain: { specifier: { case: "inlineString", value: certificate.chain } },
            privateKey: { specifier: { case: "inlineString", value: certificate.key } },
          },
        },
      },
      { version },
    ),
    ads(
      "secret",
      SecretSchema,
      {
        name: "bundle",
        type: {
          case: "validationContext",
          value: { trustedCa: { specifier: { case: "inlineString", value: root } } },
        },
      },
      { version },
    ),
  ];
}

/** What a cluster needs to speak mTLS to meshed endpoints and plaintext to others. */
export function mixedTransport(inside: "http" | "tcp"): Init<typeof ClusterSchema> {
  return {
    transportSocketMatches: [
      { name: "mtls", match: { mtls: true }, transportSocket: clientTls(inside) },
      { name: "plaintext", match: {}, transportSocket: extension("raw", RawBufferSchema, {}) },
    ],
  };
}

/** The connection manager of the inbound side. */
export function inboundManager(options: Init<typeof HttpConnectionManagerSchema> = {}): Filter {
  return extension("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, {
    statPrefix: "inbound",
    codecType: HttpConnectionManager_CodecType.AUTO,
    accessLog: [accessLog],
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true, subject: true },
    upgradeConfigs: [{ upgradeType: "websocket" }],
    routeSpecifier: {
      case: "routeConfig",
      value: {
        name: "inbound",
        requestHeadersToRemove: ["x-heddle-authority", "x-heddle-miss", "x-envoy-original-host"],
        virtualHosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                action: {
                  case: "route",
                  value: {
                    clusterSpecifier: { case: "cluster", value: "inbound" },
                    timeout: milliseconds(0),
                  },
                },
              },
            ],
          },
        ],
      },
    },
    httpFilters: [extension("envoy.filters.http.router", RouterSchema, {})],
    ...options,
  });
}

const toApplication = extension("envoy.filters.network.tcp_proxy", TcpProxySchema, {
  statPrefix: "inbound_tcp",
  clusterSpecifier: { case: "cluster", value: "inbound" },
});

/** What a test may change on the inbound side. */
export interface InboundOptions {
  readonly manager?: Init<typeof HttpConnectionManagerSchema>;
  /** Refuses what is not mTLS. */
  readonly strict?: boolean;
  /** Without the chains that need certificates. */
  readonly plaintextOnly?: boolean;
  readonly version?: string;
  /** For how long a client may be silent that could speak TLS or HTTP; by default longer than any machine is busy. */
  readonly detectionMs?: number;
}

/** The listener on 0.0.0.0:15006. */
export function inboundListener({
  manager = {},
  strict = false,
  plaintextOnly = false,
  version = "1",
  detectionMs = 60_000,
}: InboundOptions = {}): AdsResource {
  const mutual: FilterChainInit[] = [
    {
      name: "mtls-http",
      filterChainMatch: { transportProtocol: "tls", applicationProtocols: ["heddle-http"] },
      transportSocket: serverTls(),
      filters: [inboundManager(manager)],
    },
    {
      name: "mtls-tcp",
      filterChainMatch: { transportProtocol: "tls", applicationProtocols: ["heddle-tcp"] },
      transportSocket: serverTls(),
      filters: [toApplication],
    },
  ];
  const plaintext: FilterChainInit[] = [
    {
      name: "plain-http",
      filterChainMatch: {
        transportProtocol: "raw_buffer",
        applicationProtocols: ["http/1.0", "http/1.1", "h2c"],
      },
      filters: [inboundManager(manager)],
    },
    { name: "plain-tcp", filterChainMatch: { transportProtocol: "raw_buffer" }, filters: [toApplication] },
    { name: "own-tls", filterChainMatch: { transportProtocol: "tls" }, filters: [toApplication] },
  ];
  const notServerFirst = {
    filterDisabled: {
      rule: {
        case: "destinationPortRange" as const,
        value: { start: serverFirstPort, end: serverFirstPort + 1 },
      },
    },
  };
  return ads(
    "listener",
    ListenerSchema,
    {
      name: "inbound",
      address: socketAddress("0.0.0.0", 15006),
      listenerFilters: [
        extension("envoy.filters.listener.original_dst", OriginalDstSchema, {}),
        extension("envoy.filters.listener.tls_inspector", TlsInspectorSchema, {}),
        { ...extension("envoy.filters.listener.http_inspector", HttpInspectorSchema, {}), ...notServerFirst },
      ],
      listenerFiltersTimeout: milliseconds(detectionMs),
      continueOnListenerFiltersTimeout: true,
      filterChains: [
        { name: "self", filterChainMatch: { destinationPort: 15006 } },
        ...(plaintextOnly ? [] : mutual),
        ...(strict ? [] : plaintext),
      ],
    },
    { version },
  );
}

/** The application, at the address that the client dialled; bound to 127.0.0.6, which the rules exempt. */
export const inboundCluster = ads("cluster", ClusterSchema, {
  name: "inbound",
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  connectTimeout: milliseconds(1_000),
  typedExtensionProtocolOptions: sameProtocol,
  upstreamBindConfig: {
    sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue", value: 0 } },
  },
});
