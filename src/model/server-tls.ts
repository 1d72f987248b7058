import type { TlsCertificate, TlsRoots } from "./client-tls.ts";

/** TLS of clients that a proxy ends, with certificates of a user's. */
export interface TlsTermination {
  /** The client's TLS decides which one it is shown. */
  readonly certificates: readonly TlsCertificate[];
  /** Undefined: clients are asked for no certificate. */
  readonly clients?: ClientVerification;
  /** What goes without saying is Envoy's. */
  readonly leastVersion?: TlsVersion;
  readonly greatestVersion?: TlsVersion;
  /** By OpenSSL's names; empty: Envoy's. */
  readonly cipherSuites: readonly string[];
}

/** Which clients may come. */
export interface ClientVerification {
  /** Also those without a certificate. */
  readonly optional: boolean;
  readonly roots: Exclude<TlsRoots, { kind: "system" }>;
  /** A file of revoked certificates, PEM. */
  readonly revoked?: string;
  /** Their certificates must have one of each of these, where there are any. */
  readonly subjectAltNames: readonly string[];
  readonly publicKeyHashes: readonly string[];
  readonly certificateHashes: readonly string[];
}

export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";
