// https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings-credential_name
import { areCertificates, isUsablePair } from "../certificates.ts";
import type { Secret } from "./configuration.ts";

/** What a Secret has for TLS, PEM. */
export interface Credential {
  readonly certificate?: { readonly chainPem: string; readonly keyPem: string };
  /** The authorities that may have issued the peer's certificate. */
  readonly rootsPem?: string;
  readonly revokedPem?: string;
}

/** Authorities may be in a Secret of their own beside. */
export function rootsSecretName(name: string): string {
  return `${name}-cacert`;
}

/**
 * API object → domain type: the keys of Secrets of type `kubernetes.io/tls`, and those of Istio's generic ones. What is no
 * certificate is as if it were not there.
 */
export function credentialOf(secret: Secret): Credential {
  const value = (...names: readonly string[]): string | undefined => {
    for (const name of names) {
      const plain = secret.stringData?.[name];
      if (plain !== undefined) return plain;
      const encoded = secret.data?.[name];
      if (encoded !== undefined) return Buffer.from(encoded, "base64").toString("utf8");
    }
    return undefined;
  };
  const [chainPem, keyPem] = [value("tls.crt", "cert"), value("tls.key", "key")];
  const [rootsPem, revokedPem] = [value("ca.crt", "cacert"), value("ca.crl", "crl")];
  return {
    ...(chainPem === undefined || keyPem === undefined || !isUsablePair(chainPem, keyPem)
      ? {}
      : { certificate: { chainPem, keyPem } }),
    ...(rootsPem === undefined || !areCertificates(rootsPem) ? {} : { rootsPem }),
    ...(revokedPem === undefined ? {} : { revokedPem }),
  };
}
