/**
 * Service account tokens in the form of Kubernetes' projected ones
 * (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-verification-schema).
 * A cluster issues its own; on one machine Heddle issues them. Both are checked by the same verifier.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  errors,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import type { ServiceAccountIdentity } from "./spiffe.ts";
import { openSecrets } from "./state-directory.ts";
import { tokenAudience } from "./token-audience.ts";

/** The issuer of tokens on one machine; a cluster has its own. */
const localTokenIssuer = "https://kubernetes.default.svc.cluster.local";

/** The running pod that a token speaks for. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly podUid: string;
}

export interface TokenRequest extends PodIdentity {
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

export interface TokenIssuer {
  readonly issuer: string;
  /** The public keys by which a verifier knows this issuer's tokens. */
  readonly keys: JSONWebKeySet;
  issue(request: TokenRequest): Promise<IssuedToken>;
}

/** Why a token is not accepted, for logs; the caller is told no more than that it is not. */
export interface Refusal {
  readonly refused: string;
  /** The same token may be accepted soon: what it speaks for is not known here yet. */
  readonly again?: true;
}

export interface TokenVerifier {
  verify(token: string): Promise<PodIdentity | Refusal>;
}

export interface TokenClock {
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly now?: () => number;
}

const keyFile = "key.pem";
const publicFile = "jwks.json";
const algorithm = "ES256";

/** A cluster signs with RSA or with ECDSA; nothing else is accepted. */
const acceptedAlgorithms = ["ES256", "RS256"];
const clockToleranceSeconds = 10;

/** The issuer of one machine's mesh, in `directory` (the state's `tokens/`), made there on first use. */
export async function openTokenIssuer(directory: string, clock: TokenClock = {}): Promise<TokenIssuer> {
  const now = clock.now ?? Date.now;
  const files = await openSecrets(directory, makeKeyFiles);
  const [keyPem, publicKeys] = [files.get(keyFile), files.get(publicFile)];
  if (keyPem === undefined || publicKeys === undefined) {
    throw new Error(`The token issuer in ${directory} lacks ${keyFile} or ${publicFile}.`);
  }
  const key = await importPKCS8(keyPem, algorithm);
  const keys = JSON.parse(publicKeys) as JSONWebKeySet;
  const kid = keys.keys[0]?.kid;
  if (kid === undefined) throw new Error(`${directory}/${publicFile} names no key.`);
  return {
    issuer: localTokenIssuer,
    keys,
    async issue(request) {
      const issuedAt = Math.floor(now() / 1000);
      const expiresAt = issuedAt + request.expirationSeconds;
      const token = await new SignJWT(claimsOf(request))
        .setProtectedHeader({ alg: algorithm, kid })
        .setIssuer(localTokenIssuer)
        .setSubject(subjectOf(request.namespace, request.serviceAccount))
        .setAudience([request.audience])
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(randomUUID())
        .sign(key);
      return { token, expiresAt: new Date(expiresAt * 1000) };
    },
  };
}

/** Checks tokens against an issuer's public keys. Whether the pod still runs is for the caller to find out. */
export function tokenVerifier(
  trusted: { readonly issuer: string; readonly keys: JSONWebKeySet },
  clock: TokenClock = {},
): TokenVerifier {
  const now = clock.now ?? Date.now;
  const keySet = createLocalJWKSet(trusted.keys);
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keySet, {
          audience: tokenAudience,
          issuer: trusted.issuer,
          algorithms: acceptedAlgorithms,
          requiredClaims: ["exp", "sub"],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(now()),
        });
        return podIdentityOf(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError) return { refused: error.message };
        throw error;
      }
    },
  };
}

async function makeKeyFiles(): Promise<Readonly<Record<string, string>>> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    [keyFile]: await exportPKCS8(privateKey),
    [publicFile]: JSON.stringify({ keys: [{ ...jwk, kid, alg: algorithm, use: "sig" }] }),
  };
}

function claimsOf(request: TokenRequest): JWTPayload {
  return {
    "kubernetes.io": {
      namespace: request.namespace,
      pod: { name: request.pod, uid: request.podUid },
      serviceaccount: {
        name: request.serviceAccount,
        uid: stableUid(`${request.namespace}/${request.serviceAccount}`),
      },
    },
  };
}

function podIdentityOf(payload: JWTPayload): PodIdentity | Refusal {
  const bound = record(payload["kubernetes.io"]);
  const namespace = text(bound?.["namespace"]);
  const serviceAccount = text(record(bound?.["serviceaccount"])?.["name"]);
  const pod = text(record(bound?.["pod"])?.["name"]);
  const podUid = text(record(bound?.["pod"])?.["uid"]);
  if (namespace === undefined || serviceAccount === undefined) {
    return { refused: "the token is not bound to a service account" };
  }
  if (pod === undefined || podUid === undefined) return { refused: "the token is not bound to a pod" };
  if (payload.sub !== subjectOf(namespace, serviceAccount)) {
    return { refused: "the token's subject is not the service account that it is bound to" };
  }
  return { namespace, serviceAccount, pod, podUid };
}

function subjectOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** The service account that a token's subject, or the name of its user, means. */
export function parseSubject(subject: string): ServiceAccountIdentity | undefined {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/** A UUID that is the same for a name every time: on one machine service accounts have no UID of their own. */
function stableUid(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
