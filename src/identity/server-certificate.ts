import type { Authority, IssuedCertificate } from "./authority.ts";
import { keepRenewed } from "./renewal.ts";

/** What all servers of a control plane show, as PEM; good for asking other replicas too. */
export interface PemCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

export interface ServerCertificate {
  current(): PemCertificate;
  /** Calls back for each certificate that replaces the current one. */
  onRenewed(use: (certificate: PemCertificate) => void): void;
  close(): void;
}

export interface ServerCertificateOptions {
  readonly authority: Pick<Authority, "issueServer">;
  readonly dnsNames: readonly string[];
  readonly lifetimeMs: number;
  readonly onFailure: (error: unknown) => void;
}

/** Resolves when there is a certificate, and keeps it fresh from then on. */
export function keepServerCertificate(options: ServerCertificateOptions): Promise<ServerCertificate> {
  const uses: ((certificate: PemCertificate) => void)[] = [];
  return new Promise((resolve) => {
    let current: PemCertificate | undefined;
    const close = keepRenewed({
      issue: () => options.authority.issueServer(options.dnsNames, options.lifetimeMs),
      onFailure: options.onFailure,
      use: (issued) => {
        const renewed = pemOf(issued);
        current = renewed;
        for (const use of uses) use(renewed);
        resolve({ current: () => current ?? renewed, onRenewed: (use) => uses.push(use), close });
      },
    });
  });
}

function pemOf({ chainPem, keyPem }: IssuedCertificate): PemCertificate {
  return { chainPem, keyPem: keyPem.reveal() };
}
