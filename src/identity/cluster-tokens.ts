/**
 * Tokens that a cluster issues, checked against the keys that its API server publishes
 * (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery),
 * or one by one by a TokenReview where these may not be read.
 */
import { createHash } from "node:crypto";
import { decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { type KubernetesClient, KubernetesError } from "#kubernetes/client.ts";
import { tokenAudience } from "./token-audience.ts";
import {
  type PodIdentity,
  parseSubject,
  type Refusal,
  type TokenClock,
  type TokenVerifier,
  tokenVerifier,
} from "./tokens.ts";

/** https://www.rfc-editor.org/rfc/rfc7517#section-8.5: the API server answers in nothing else. */
const keySetType = "application/jwk-set+json";

interface PublishedKeys {
  readonly ids: ReadonlySet<string | undefined>;
  readonly verifier: TokenVerifier;
}

/** A key may have been withdrawn: older ones are read again, while they serve. */
const staleAfterMs = 5 * 60_000;
/** A token may name a key that does not exist: keys are not read more often for it. */
const rereadAfterMs = 5_000;
/** The answer of a review is good for so long. */
const reviewedForMs = 60_000;
const reviewsKept = 10_000;

type Client = Pick<KubernetesClient, "request">;

/** Verifies tokens of the cluster's service accounts. `verify` rejects while the API server cannot be asked. */
export function clusterTokenVerifier(client: Client, clock: TokenClock = {}): TokenVerifier {
  const now = clock.now ?? Date.now;
  const published = publishedKeys(client, now);
  const reviews = reviewer(client, now);
  return {
    async verify(token) {
      const keys = await published.forKey(keyIdOf(token));
      return (keys === "unreadable" ? reviews : keys.verifier).verify(token);
    },
  };
}

function publishedKeys(client: Client, now: () => number) {
  let known: PublishedKeys | "unreadable" | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const read = (): Promise<void> => {
    reading ??= readKeys(client, now)
      .then((keys) => {
        known = keys;
        readAt = now();
      })
      .finally(() => (reading = undefined));
    return reading;
  };
  return {
    /** The keys, read anew if the one with this id is not among them. */
    async forKey(id: string | undefined): Promise<PublishedKeys | "unreadable"> {
      const age = now() - readAt;
      const isMissing = known !== "unreadable" && known?.ids.has(id) === false;
      if (known === undefined) await read();
      else if (isMissing && age > rereadAfterMs)
        await read().catch(() => {}); // Those known still serve.
      else if (age > staleAfterMs) read().catch(() => {});
      if (known === undefined) throw new Error("the keys of the cluster's tokens are not known yet");
      return known;
    },
  };
}

async function readKeys(client: Client, now: () => number): Promise<PublishedKeys | "unreadable"> {
  try {
    const { issuer } = await client.request<{ issuer: string }>("GET", "/.well-known/openid-configuration");
    const keys = await client.request<JSONWebKeySet>("GET", "/openid/v1/jwks", { accept: keySetType });
    return {
      ids: new Set(keys.keys.map(({ kid }) => kid)),
      verifier: tokenVerifier({ issuer, keys }, { now }),
    };
  } catch (error) {
    if (error instanceof KubernetesError && [401, 403, 404].includes(error.status)) return "unreadable";
    throw error;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ */
interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly error?: string;
    readonly user?: {
      readonly username?: string;
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

function reviewer(client: Client, now: () => number): TokenVerifier {
  const answers = new Map<string, { readonly answer: PodIdentity | Refusal; readonly until: number }>();
  return {
    async verify(token) {
      const digest = createHash("sha256").update(token).digest("base64");
      const before = answers.get(digest);
      if (before !== undefined && before.until > now()) return before.answer;
      const answer = await review(client, token);
      answers.delete(digest);
      answers.set(digest, { answer, until: now() + reviewedForMs });
      for (const oldest of answers.keys()) {
        if (answers.size <= reviewsKept) break;
        answers.delete(oldest);
      }
      return answer;
    },
  };
}

async function review(client: Client, token: string): Promise<PodIdentity | Refusal> {
  const { status = {} } = await client.request<TokenReview>(
    "POST",
    "/apis/authentication.k8s.io/v1/tokenreviews",
    {
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences: [tokenAudience] },
      },
    },
  );
  if (status.authenticated !== true)
    return { refused: status.error ?? "the API server does not accept the token" };
  if (status.audiences?.includes(tokenAudience) !== true)
    return { refused: "the token is for another audience" };
  const account = parseSubject(status.user?.username ?? "");
  const extra = status.user?.extra ?? {};
  const pod = extra["authentication.kubernetes.io/pod-name"]?.[0];
  const podUid = extra["authentication.kubernetes.io/pod-uid"]?.[0];
  if (account === undefined) return { refused: "the token is not that of a service account" };
  if (pod === undefined || podUid === undefined) return { refused: "the token is not bound to a pod" };
  return { ...account, pod, podUid };
}

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined; // Not a token at all, which the verifier says.
  }
}
