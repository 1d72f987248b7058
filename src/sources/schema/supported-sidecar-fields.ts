import type { Supported } from "./supported.ts";

const terminatedTls: Supported = {
  // Which of them, the checks of Sidecars say.
  mode: true,
  serverCertificate: true,
  privateKey: true,
  caCertificates: true,
  caCrl: true,
  tlsCertificates: true,
  credentialName: true,
  credentialNames: true,
  caCertCredentialName: true,
  subjectAltNames: true,
  verifyCertificateSpki: true,
  verifyCertificateHash: true,
  minProtocolVersion: true,
  maxProtocolVersion: true,
  cipherSuites: true,
  insecureSkipVerify: true,
};

/** What of a Sidecar takes effect. */
export const sidecarFields: Supported = {
  workloadSelector: true,
  ingress: {
    port: { number: true, name: true, protocol: true },
    bind: true,
    captureMode: true,
    defaultEndpoint: true,
    tls: terminatedTls,
    connectionPool: true,
  },
  inboundConnectionPool: true,
  egress: {
    port: { number: true, name: true, protocol: true },
    bind: true,
    captureMode: true,
    hosts: true,
  },
  outboundTrafficPolicy: { mode: true, egressProxy: { host: true, subset: true, port: { number: true } } },
};
