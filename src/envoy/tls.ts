// Mutual TLS between proxies: certificates by SDS, identities by URI SAN.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/common";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls";
import type { ServiceAccountLabel } from "#compile/views.ts";
import { spiffeId } from "#identity/spiffe.ts";
import { adsSource, extension } from "./messages.ts";
import { trustBundleSecret, workloadSecret } from "./names.ts";

const tls13 = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  // An Envoy client offers at most TLS 1.2 unless it is told.
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

type SanMatcher = { readonly case: "exact" | "prefix"; readonly value: string };

function commonContext(sans: readonly SanMatcher[]): MessageInitShape<typeof CommonTlsContextSchema> {
  return {
    tlsParams: tls13,
    tlsCertificateSdsSecretConfigs: [{ name: workloadSecret, sdsConfig: adsSource() }],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: sans.map((matchPattern) => ({
            sanType: SubjectAltNameMatcher_SanType.URI,
            matcher: { matchPattern },
          })),
        },
        validationContextSdsSecretConfig: { name: trustBundleSecret, sdsConfig: adsSource() },
      },
    },
  };
}

/** How a client's sidecar opens a connection: only to one of the service accounts that the service runs as. */
export function upstreamTls(options: {
  readonly sni: string;
  readonly alpn: string;
  readonly trustDomain: string;
  readonly serviceAccounts: readonly ServiceAccountLabel[];
}) {
  const sans = options.serviceAccounts.map(
    ({ namespace, serviceAccount }): SanMatcher => ({
      case: "exact",
      value: spiffeId(options.trustDomain, namespace, serviceAccount),
    }),
  );
  return extension("envoy.transport_sockets.tls", UpstreamTlsContextSchema, {
    sni: options.sni,
    commonTlsContext: { ...commonContext(sans), alpnProtocols: [options.alpn] },
  });
}

/**
 * How a server's sidecar takes a connection: from any workload of the trust domain. It offers no ALPN, so that Envoy
 * looks at the first bytes for the HTTP version; the client's ALPN has chosen the filter chain before.
 */
export function downstreamTls(trustDomain: string) {
  return extension("envoy.transport_sockets.tls", DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: commonContext([{ case: "prefix", value: `spiffe://${trustDomain}/` }]),
  });
}
