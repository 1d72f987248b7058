import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { KubernetesError } from "#kubernetes/client.ts";
import { clusterTokenVerifier } from "./cluster-tokens.ts";

const issuer = "https://kubernetes.default.svc";
const start = Date.parse("2026-05-01T12:00:00Z");

interface Key {
  readonly jwk: JWK;
  token(claims?: { readonly audience?: string; readonly expiresIn?: number }): Promise<string>;
}

async function newKey(kid: string, alg = "ES256"): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" },
    token: ({ audience = "heddle", expiresIn = 600 } = {}) =>
      new SignJWT({
        "kubernetes.io": {
          namespace: "shop",
          serviceaccount: { name: "cart", uid: "1" },
          pod: { name: "cart-1", uid: "2" },
        },
      })
        .setProtectedHeader({ alg, kid })
        .setIssuer(issuer)
        .setSubject("system:serviceaccount:shop:cart")
        .setAudience(audience)
        .setExpirationTime(start / 1000 + expiresIn)
        .sign(privateKey),
  };
}

/** An API server with those keys; `asked` counts what it is asked for. */
function apiServer(keys: () => readonly JWK[] | Error, review?: object) {
  const asked = { keys: 0, reviews: 0 };
  let now = start;
  const request = async (_method: string, path: string): Promise<unknown> => {
    if (path === "/apis/authentication.k8s.io/v1/tokenreviews") {
      asked.reviews++;
      return { status: review };
    }
    const found = keys();
    if (found instanceof Error) throw found;
    if (path === "/.well-known/openid-configuration") return { issuer };
    assert.equal(path, "/openid/v1/jwks");
    asked.keys++;
    return { keys: found };
  };
  const client = { request: request as <T>() => Promise<T> };
  return {
    asked,
    pass: (milliseconds: number) => (now += milliseconds),
    verifier: clusterTokenVerifier(client, { now: () => now }),
  };
}

const pod = { namespace: "shop", serviceAccount: "cart", pod: "cart-1", podUid: "2" };

test("tokens are checked with the cluster's keys, which are read once", async () => {
  const key = await newKey("a", "RS256");
  const { verifier, asked } = apiServer(() => [key.jwk]);
  assert.deepEqual(await verifier.verify(await key.token()), pod);
  assert.deepEqual(await verifier.verify(await key.token()), pod);
  assert.deepEqual(asked, { keys: 1, reviews: 0 });
});

test("a token that has expired, or is for another audience, is refused", async () => {
  const key = await newKey("a");
  const { verifier } = apiServer(() => [key.jwk]);
  assert.deepEqual(await verifier.verify(await key.token({ expiresIn: -60 })), {
    refused: '"exp" claim timestamp check failed',
  });
  assert.deepEqual(await verifier.verify(await key.token({ audience: issuer })), {
    refused: 'unexpected "aud" claim value',
  });
});

test("a key that is not known yet is looked for, but not at once again", async () => {
  const [first, second] = [await newKey("a"), await newKey("b")];
  let keys = [first.jwk];
  const { verifier, asked, pass } = apiServer(() => keys);
  await verifier.verify(await first.token());
  assert.ok("refused" in (await verifier.verify(await second.token())));
  assert.equal(asked.keys, 1);
  keys = [first.jwk, second.jwk];
  pass(6_000);
  assert.deepEqual(await verifier.verify(await second.token()), pod);
  assert.equal(asked.keys, 2);
  assert.ok("refused" in (await verifier.verify("ey.ey.ey")));
  assert.equal(asked.keys, 2);
});

test("keys that are known serve while the API server is away, and nothing is decided before there are any", async () => {
  const key = await newKey("a");
  let keys: readonly JWK[] | Error = new KubernetesError(0, "ECONNREFUSED", "it is away");
  const { verifier, pass } = apiServer(() => keys);
  await assert.rejects(verifier.verify(await key.token()), /it is away/);
  keys = [key.jwk];
  assert.deepEqual(await verifier.verify(await key.token()), pod);
  keys = new KubernetesError(0, "ECONNREFUSED", "it is away");
  pass(6 * 60_000);
  assert.deepEqual(await verifier.verify(await key.token({ expiresIn: 3_600 })), pod);
});

test("a key that was withdrawn is soon of no use", async () => {
  const [first, second] = [await newKey("a"), await newKey("b")];
  let keys = [first.jwk, second.jwk];
  const { verifier, pass } = apiServer(() => keys);
  await verifier.verify(await first.token());
  keys = [second.jwk];
  pass(6 * 60_000);
  await verifier.verify(await second.token({ expiresIn: 3_600 }));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok("refused" in (await verifier.verify(await first.token({ expiresIn: 3_600 }))));
});

test("where the keys may not be read the API server itself is asked, once for each token", async () => {
  const forbidden = () => new KubernetesError(403, "Forbidden", "forbidden");
  const accepted = {
    authenticated: true,
    audiences: ["heddle"],
    user: {
      username: "system:serviceaccount:shop:cart",
      extra: {
        "authentication.kubernetes.io/pod-name": ["cart-1"],
        "authentication.kubernetes.io/pod-uid": ["2"],
      },
    },
  };
  const { verifier, asked } = apiServer(forbidden, accepted);
  assert.deepEqual(await verifier.verify("token"), pod);
  assert.deepEqual(await verifier.verify("token"), pod);
  assert.equal(asked.reviews, 1);
  const refusals = [
    { authenticated: false, error: "expired" },
    { ...accepted, audiences: [issuer] },
    { ...accepted, user: { username: "admin" } },
    { ...accepted, user: { username: "system:serviceaccount:shop:cart" } },
  ];
  for (const status of refusals)
    assert.ok(
      "refused" in (await apiServer(forbidden, status).verifier.verify("token")),
      JSON.stringify(status),
    );
});
