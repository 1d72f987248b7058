// TLS that a proxy ends. https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings
import type { TlsCertificate } from "../client-tls.ts";
import { type Faulty, faulty } from "../field-fault.ts";
import { present } from "../present.ts";
import type { ClientVerification, TlsTermination, TlsVersion } from "../server-tls.ts";
import type { ServerTls } from "./server-tls.ts";

/** API object → domain type; or why nothing can be made of it. */
export function tlsTermination(tls: ServerTls): TlsTermination | Faulty {
  const { mode } = tls;
  if (mode !== "SIMPLE" && mode !== "MUTUAL" && mode !== "OPTIONAL_MUTUAL") {
    return faulty(
      "mode",
      `${mode ?? "PASSTHROUGH"} is not supported here; use SIMPLE, MUTUAL or OPTIONAL_MUTUAL`,
    );
  }
  const certificates = certificatesOf(tls);
  if (certificates.length === 0) {
    return faulty(
      "credentialName",
      "the server has no certificate; give credentialName, or serverCertificate and privateKey",
    );
  }
  const unreadable = hashFault(tls) ?? cipherFault(tls);
  if (unreadable !== undefined) return unreadable;
  const roots = rootsOf(tls);
  if (mode !== "SIMPLE" && roots === undefined) {
    return faulty(
      "caCertificates",
      `mode ${mode} needs the authorities of clients; give caCertificates, or credentialName with ca.crt`,
    );
  }
  return {
    certificates,
    cipherSuites: tls.cipherSuites ?? [],
    ...present({
      clients: mode === "SIMPLE" || roots === undefined ? undefined : verification(tls, roots),
      leastVersion: versionOf(tls.minProtocolVersion),
      greatestVersion: versionOf(tls.maxProtocolVersion),
    }),
  };
}

function hashFault({
  verifyCertificateSpki = [],
  verifyCertificateHash = [],
}: ServerTls): Faulty | undefined {
  const key = verifyCertificateSpki.findIndex((hash) => !/^[A-Za-z0-9+/]{43}=$/.test(hash));
  if (key >= 0) {
    return faulty(
      `verifyCertificateSpki[${key}]`,
      "must be the SHA-256 of a public key in Base64: 44 characters",
    );
  }
  const certificate = verifyCertificateHash.findIndex(
    (hash) => !/^(?:[\da-f]{64}|[\da-f]{2}(?::[\da-f]{2}){31})$/i.test(hash),
  );
  return certificate < 0
    ? undefined
    : faulty(
        `verifyCertificateHash[${certificate}]`,
        "must be the SHA-256 of a certificate: 64 hexadecimal digits",
      );
}

/** Those that a proxy has. https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/transport_sockets/tls/v3/common.proto */
const ciphers: ReadonlySet<string> = new Set([
  ...["ECDHE-ECDSA-", "ECDHE-RSA-", ""].flatMap((keys) =>
    ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"].map((cipher) => keys + cipher),
  ),
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
]);

function cipherFault({ cipherSuites = [] }: ServerTls): Faulty | undefined {
  const index = cipherSuites.findIndex((cipher) => !ciphers.has(cipher));
  return index < 0
    ? undefined
    : faulty(
        `cipherSuites[${index}]`,
        `${cipherSuites[index]} is no cipher of a proxy; there are ${[...ciphers].join(", ")}`,
      );
}

/** Names of Secrets go before files. */
function certificatesOf(tls: ServerTls): readonly TlsCertificate[] {
  const secrets = tls.credentialNames ?? (tls.credentialName === undefined ? [] : [tls.credentialName]);
  if (secrets.length > 0) return secrets.map((name) => ({ kind: "secret", name }));
  return [tls, ...(tls.tlsCertificates ?? [])].flatMap(({ serverCertificate, privateKey }) =>
    serverCertificate === undefined || privateKey === undefined
      ? []
      : [{ kind: "files" as const, chain: serverCertificate, key: privateKey }],
  );
}

function rootsOf(tls: ServerTls): ClientVerification["roots"] | undefined {
  if (tls.insecureSkipVerify === true) return { kind: "unverified" };
  const name = tls.caCertCredentialName ?? tls.credentialName ?? tls.credentialNames?.[0];
  if (name !== undefined) return { kind: "secret", name };
  const path = tls.caCertificates ?? tls.tlsCertificates?.[0]?.caCertificates;
  return path === undefined ? undefined : { kind: "file", path };
}

function verification(tls: ServerTls, roots: ClientVerification["roots"]): ClientVerification {
  return {
    optional: tls.mode === "OPTIONAL_MUTUAL",
    roots,
    ...present({ revoked: tls.caCrl }),
    subjectAltNames: tls.subjectAltNames ?? [],
    publicKeyHashes: tls.verifyCertificateSpki ?? [],
    certificateHashes: tls.verifyCertificateHash ?? [],
  };
}

const versions: Readonly<Record<string, TlsVersion>> = {
  TLSV1_0: "1.0",
  TLSV1_1: "1.1",
  TLSV1_2: "1.2",
  TLSV1_3: "1.3",
};

function versionOf(name: string | undefined): TlsVersion | undefined {
  return name === undefined ? undefined : versions[name];
}
