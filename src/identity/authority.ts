/**
 * The certificate authority of a mesh. Its files, in a directory or a Secret, have the form of Istio's `cacerts`
 * (https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/), so that a user's own CA can be put
 * there: ca-cert.pem and ca-key.pem sign, cert-chain.pem leads from it to a root, root-cert.pem is what is trusted.
 */
import { createPrivateKey, generateKeyPair, generateKeyPairSync, X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import { type Issuer, issuerOf, type KeyPurpose, makeLeaf, makeRoot } from "./certificate.ts";
import { PrivateText } from "./private-text.ts";
import { controlPlaneSpiffeId, spiffeId, type WorkloadIdentity, workloadDnsName } from "./spiffe.ts";
import { openSecrets } from "./state-directory.ts";

const generateKeys = promisify(generateKeyPair);
const day = 24 * 60 * 60 * 1000;
const rootLifetimeMs = 3650 * day;

/** A certificate is valid from a little before it was made, for clocks that are behind. */
const clockSkewMs = 5 * 60 * 1000;

export interface IssuedCertificate {
  /** The leaf, then whatever leads from it to a root of the bundle. */
  readonly chainPem: string;
  readonly keyPem: PrivateText;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Upper-case hex, as `X509Certificate.serialNumber` has it. */
  readonly serial: string;
}

export interface Authority {
  readonly trustDomain: string;
  /** Every root that peers must trust: more than one while a root is being replaced. */
  readonly rootPem: string;
  /** A certificate with exactly one SPIFFE ID, good for both ends of a connection. */
  issueWorkload(identity: WorkloadIdentity, lifetimeMs: number): Promise<IssuedCertificate>;
  /** A certificate for the control plane's own servers, and for what replicas ask each other: it has an identity too. */
  issueServer(dnsNames: readonly string[], lifetimeMs: number): Promise<IssuedCertificate>;
}

export interface AuthorityOptions {
  readonly trustDomain: string;
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly now?: () => number;
}

/**
 * The authority in `directory` (the state's `ca/`), which is made there on first use.
 * Throws with the file's name if the files there do not make an authority.
 */
export async function openAuthority(directory: string, options: AuthorityOptions): Promise<Authority> {
  const files = await openSecrets(directory, async () => makeAuthorityFiles(options));
  return authorityOf(files, directory, options);
}

/** The authority that `files` make, by their names; `place` is where they are. Throws if they do not make one. */
export function authorityOf(
  files: ReadonlyMap<string, string>,
  place: string,
  options: AuthorityOptions,
): Authority {
  const now = options.now ?? Date.now;
  const { issuer, intermediatesPem, rootPem } = readIssuer(place, files, now());
  const issue = async (names: LeafNames, lifetimeMs: number) =>
    issueLeaf(
      { ...names, notBefore: new Date(now() - clockSkewMs), notAfter: new Date(now() + lifetimeMs) },
      issuer,
      intermediatesPem,
    );
  return {
    trustDomain: options.trustDomain,
    rootPem,
    issueWorkload: (identity, lifetimeMs) =>
      issue(
        {
          uris: [spiffeId(options.trustDomain, identity.namespace, identity.serviceAccount)],
          dnsNames: [workloadDnsName(identity.workload, identity.namespace)],
          usages: ["server", "client"],
        },
        lifetimeMs,
      ),
    issueServer: (dnsNames, lifetimeMs) =>
      issue(
        { uris: [controlPlaneSpiffeId(options.trustDomain)], dnsNames, usages: ["server", "client"] },
        lifetimeMs,
      ),
  };
}

interface LeafNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly usages: readonly KeyPurpose[];
}

async function issueLeaf(
  request: LeafNames & { readonly notBefore: Date; readonly notAfter: Date },
  issuer: Issuer,
  intermediatesPem: string,
): Promise<IssuedCertificate> {
  const { publicKey, privateKey } = await generateKeys("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = new X509Certificate(makeLeaf({ ...request, publicKey }, issuer));
  return {
    chainPem: certificate.toString() + intermediatesPem,
    keyPem: new PrivateText(privateKey),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    serial: certificate.serialNumber,
  };
}

/** The files of a new authority. */
export function makeAuthorityFiles(options: AuthorityOptions): Readonly<Record<string, string>> {
  const { trustDomain, now: clock = Date.now } = options;
  const now = clock();
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const validity = { notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + rootLifetimeMs) };
  const root = new X509Certificate(
    makeRoot(`Heddle root of ${trustDomain}`, publicKey, privateKey, validity),
  );
  return {
    "ca-cert.pem": root.toString(),
    "ca-key.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    "root-cert.pem": root.toString(),
  };
}

function readIssuer(place: string, files: ReadonlyMap<string, string>, now: number) {
  const required = (name: string): string => {
    const text = files.get(name);
    if (text === undefined) throw new Error(`The certificate authority in ${place} has no ${name}.`);
    return text;
  };
  const certificate = new X509Certificate(required("ca-cert.pem"));
  const key = createPrivateKey(required("ca-key.pem"));
  const rootPem = withNewline(required("root-cert.pem"));
  if (!certificate.ca) throw new Error(`${place}/ca-cert.pem may not sign: it is not a CA certificate.`);
  if (!certificate.checkPrivateKey(key)) {
    throw new Error(`${place}/ca-key.pem is not the key of ca-cert.pem.`);
  }
  if (Date.parse(certificate.validTo) <= now) {
    throw new Error(
      `${place}/ca-cert.pem expired on ${certificate.validTo}; replace the certificate authority.`,
    );
  }
  // A root is known to the peers; only what lies between it and a leaf has to be sent.
  const isRoot = rootPem.includes(certificate.toString().trim());
  const intermediatesPem = isRoot ? "" : withNewline(files.get("cert-chain.pem") ?? certificate.toString());
  return { issuer: issuerOf(certificate, key), intermediatesPem, rootPem };
}

function withNewline(pem: string): string {
  return `${pem.trimEnd()}\n`;
}
