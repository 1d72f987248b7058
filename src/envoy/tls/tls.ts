// TLS: between proxies with certificates by SDS and identities by URI SAN, and to servers outside the mesh.
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
import type { TlsCertificate, TlsOrigination } from "#model/client-tls.ts";
import { adsSource, extension, type Init } from "../messages.ts";
import { credentialRootsSecret, credentialSecret, trustBundleSecret, workloadSecret } from "../names.ts";

const tls13 = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  // An Envoy client offers at most TLS 1.2 unless it is told.
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

type SanMatcher = { readonly case: "exact" | "prefix"; readonly value: string };
type CommonContext = Init<typeof CommonTlsContextSchema>;

function commonContext(sans: readonly SanMatcher[]): CommonContext {
  return {
    tlsParams: tls13,
    tlsCertificateSdsSecretConfigs: [{ name: workloadSecret, sdsConfig: adsSource() }],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: sans.map((matchPattern) => ({
            sanType: sanTypeOf(matchPattern.value),
            matcher: { matchPattern },
          })),
        },
        validationContextSdsSecretConfig: { name: trustBundleSecret, sdsConfig: adsSource() },
      },
    },
  };
}

function sanTypeOf(name: string): SubjectAltNameMatcher_SanType {
  if (name.includes("://")) return SubjectAltNameMatcher_SanType.URI;
  return /^[\d.]+$|:/.test(name)
    ? SubjectAltNameMatcher_SanType.IP_ADDRESS
    : SubjectAltNameMatcher_SanType.DNS;
}

/**
 * How a client's sidecar opens a connection: only to one of the service accounts that the service runs as; to anybody in
 * the mesh where none is known.
 */
export function upstreamTls(options: {
  readonly sni: string;
  readonly alpn: string;
  readonly trustDomain: string;
  readonly serviceAccounts: readonly ServiceAccountLabel[];
  readonly subjectAltNames?: readonly string[];
}) {
  const names =
    options.subjectAltNames ??
    options.serviceAccounts.map(({ namespace, serviceAccount }) =>
      spiffeId(options.trustDomain, namespace, serviceAccount),
    );
  const sans: readonly SanMatcher[] =
    names.length === 0
      ? [{ case: "prefix", value: `spiffe://${options.trustDomain}/` }]
      : names.map((value) => ({ case: "exact", value }));
  return extension("tls", UpstreamTlsContextSchema, {
    sni: options.sni,
    commonTlsContext: { ...commonContext(sans), alpnProtocols: [options.alpn] },
  });
}

/** The authorities that the proxy's image trusts. */
const systemRoots = "/etc/ssl/certs/ca-certificates.crt";

/** TLS to a server outside the mesh. `serverName`: what it is called where neither the policy nor a request says it. */
export function originatedTls(origination: TlsOrigination, serverName: string | undefined) {
  const { certificate } = origination;
  const sni = origination.sni ?? serverName;
  return extension("tls", UpstreamTlsContextSchema, {
    ...(sni === undefined ? {} : { sni }),
    commonTlsContext: {
      tlsParams: { tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3 },
      ...(certificate === undefined ? {} : ownCertificate(certificate)),
      ...verification(origination, sni),
    },
  });
}

function ownCertificate(certificate: TlsCertificate): CommonContext {
  if (certificate.kind === "secret") {
    const name = credentialSecret(certificate.name);
    return { tlsCertificateSdsSecretConfigs: [{ name, sdsConfig: adsSource() }] };
  }
  return {
    tlsCertificates: [
      { certificateChain: filename(certificate.chain), privateKey: filename(certificate.key) },
    ],
  };
}

/** The names that a policy gives, else the one that the server was called by. */
function verification(
  { roots, subjectAltNames, revoked }: TlsOrigination,
  sni: string | undefined,
): CommonContext {
  if (roots.kind === "unverified") return {};
  const names = subjectAltNames ?? (sni === undefined ? [] : [sni]);
  const context = {
    matchTypedSubjectAltNames: sanMatchers(names),
    ...(revoked === undefined ? {} : { crl: filename(revoked) }),
  };
  if (roots.kind !== "secret") {
    const trustedCa = filename(roots.kind === "file" ? roots.path : systemRoots);
    return { validationContextType: { case: "validationContext", value: { ...context, trustedCa } } };
  }
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: context,
        validationContextSdsSecretConfig: {
          name: credentialRootsSecret(roots.name),
          sdsConfig: adsSource(),
        },
      },
    },
  };
}

/** One of these names must be in a certificate. */
export function sanMatchers(names: readonly string[]) {
  return names.map((value) => ({
    sanType: sanTypeOf(value),
    matcher: { matchPattern: { case: "exact" as const, value } },
  }));
}

function filename(value: string) {
  return { specifier: { case: "filename" as const, value } };
}

/**
 * How a server's sidecar takes a connection: from any workload of the trust domain. It offers no ALPN, so that Envoy
 * looks at the first bytes for the HTTP version; the client's ALPN has chosen the filter chain before.
 */
export function downstreamTls(trustDomain: string) {
  return extension("tls", DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: commonContext([{ case: "prefix", value: `spiffe://${trustDomain}/` }]),
  });
}
