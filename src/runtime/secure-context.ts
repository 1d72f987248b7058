/** A certificate of a server of ours, with its key. PEM. */
export interface ServerCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** What such a server is made with, and made anew when its certificate is replaced. */
export function secureContext({ chainPem, keyPem }: ServerCertificate) {
  return { cert: chainPem, key: keyPem, minVersion: "TLSv1.3" as const };
}
