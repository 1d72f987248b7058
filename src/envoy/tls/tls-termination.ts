// TLS of clients that a proxy ends with a user's certificates. All come by SDS: what is not there, or cannot be read, costs
// the connections that need it, and never the listener.
import {
  CertificateValidationContext_TrustChainVerification,
  TlsParameters_TlsProtocol,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/common";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "@heddle/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls";
import type { TlsCertificate } from "#model/client-tls.ts";
import type { ClientVerification, TlsTermination, TlsVersion } from "#model/server-tls.ts";
import { adsSource, extension, type Init } from "../messages.ts";
import { credentialRootsSecret, credentialSecret, fileSecret, rootFileSecret } from "../names.ts";
import { sanMatchers } from "./tls.ts";

type CommonContext = Init<typeof CommonTlsContextSchema>;

const protocols: Readonly<Record<TlsVersion, TlsParameters_TlsProtocol>> = {
  "1.0": TlsParameters_TlsProtocol.TLSv1_0,
  "1.1": TlsParameters_TlsProtocol.TLSv1_1,
  "1.2": TlsParameters_TlsProtocol.TLSv1_2,
  "1.3": TlsParameters_TlsProtocol.TLSv1_3,
};

/** How long a listener waits for a certificate before it goes without. */
const certificateWaitMs = 1_000;

/** `alpn`: what the server speaks inside. */
export function terminatedTls(
  { certificates, clients, leastVersion, greatestVersion, cipherSuites }: TlsTermination,
  alpn: readonly string[],
) {
  return extension("tls", DownstreamTlsContextSchema, {
    requireClientCertificate: clients !== undefined && !clients.optional,
    commonTlsContext: {
      tlsParams: {
        ...(leastVersion === undefined ? {} : { tlsMinimumProtocolVersion: protocols[leastVersion] }),
        ...(greatestVersion === undefined ? {} : { tlsMaximumProtocolVersion: protocols[greatestVersion] }),
        cipherSuites: [...cipherSuites],
      },
      alpnProtocols: [...alpn],
      tlsCertificateSdsSecretConfigs: certificates.map((certificate) => ({
        name: nameOf(certificate),
        sdsConfig: adsSource(certificateWaitMs),
      })),
      ...(clients === undefined ? {} : verification(clients)),
    },
  });
}

function nameOf(certificate: TlsCertificate): string {
  return certificate.kind === "secret" ? credentialSecret(certificate.name) : fileSecret(certificate);
}

function verification({
  roots,
  revoked,
  subjectAltNames,
  publicKeyHashes,
  certificateHashes,
}: ClientVerification): CommonContext {
  const context = {
    matchTypedSubjectAltNames: sanMatchers(subjectAltNames),
    verifyCertificateSpki: [...publicKeyHashes],
    verifyCertificateHash: [...certificateHashes],
  };
  if (roots.kind === "unverified") {
    const trustChainVerification = CertificateValidationContext_TrustChainVerification.ACCEPT_UNTRUSTED;
    return {
      validationContextType: { case: "validationContext", value: { ...context, trustChainVerification } },
    };
  }
  const name =
    roots.kind === "secret" ? credentialRootsSecret(roots.name) : rootFileSecret(roots.path, revoked);
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: context,
        validationContextSdsSecretConfig: { name, sdsConfig: adsSource(certificateWaitMs) },
      },
    },
  };
}
