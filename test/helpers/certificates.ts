// Certificates for tests, of an authority of their own.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** A certificate chain and its key, PEM. */
export interface Certificate {
  readonly chain: string;
  readonly key: string;
}

/** An authority that issues what a test asks for. */
export interface TestAuthority {
  readonly root: string;
  /** A list of revoked certificates that is empty, PEM. */
  revokedNone(): Promise<string>;
  issue(names: { readonly uri?: string; readonly dns?: readonly string[] }): Promise<Certificate>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 86_400_000;
let serial = 1;

/** Makes a self-signed ECDSA P-256 root. */
export async function createAuthority(name = "test root"): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + day) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${name}`,
    keys,
    signingAlgorithm: algorithm,
    ...validity,
    serialNumber: "01",
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    root: root.toString("pem"),
    revokedNone: async () => {
      const list = await x509.X509CrlGenerator.create({
        issuer: root.subject,
        thisUpdate: validity.notBefore,
        nextUpdate: validity.notAfter,
        signingAlgorithm: algorithm,
        signingKey: keys.privateKey,
      });
      return `${list.toString("pem")}\n`;
    },
    issue: async ({ uri, dns = [] }) => {
      const leaf = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const alternatives = [
        ...(uri === undefined ? [] : [{ type: "url" as const, value: uri }]),
        ...dns.map((value) => ({ type: "dns" as const, value })),
      ];
      const certificate = await x509.X509CertificateGenerator.create({
        subject: "",
        issuer: root.subject,
        signingKey: keys.privateKey,
        publicKey: leaf.publicKey,
        signingAlgorithm: algorithm,
        ...validity,
        serialNumber: (++serial).toString(16).padStart(4, "0"),
        extensions: [
          new x509.SubjectAlternativeNameExtension(alternatives, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.serverAuth,
            x509.ExtendedKeyUsage.clientAuth,
          ]),
        ],
      });
      const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", leaf.privateKey));
      return { chain: `${certificate.toString("pem")}\n`, key: x509.PemConverter.encode(key, "PRIVATE KEY") };
    },
  };
}
