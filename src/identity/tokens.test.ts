import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from "jose";
import { openTokenIssuer, type TokenRequest, tokenVerifier } from "./tokens.ts";

const scratch = mkdtempSync(join(tmpdir(), "heddle-tokens-"));
after(() => rmSync(scratch, { recursive: true }));

const directory = join(scratch, "tokens");
const pod = { namespace: "shop", serviceAccount: "cart", pod: "cart-1", podUid: "0b9e1c5a" };
const request: TokenRequest = { ...pod, audience: "heddle", expirationSeconds: 600 };

test("a token has the claims of a projected service account token", async () => {
  const issuer = await openTokenIssuer(directory, { now: () => 1_790_000_000_000 });
  const { token, expiresAt } = await issuer.issue(request);
  const { jti, "kubernetes.io": bound, ...claims } = decodeJwt(token);
  assert.deepEqual(claims, {
    iss: "https://kubernetes.default.svc.cluster.local",
    sub: "system:serviceaccount:shop:cart",
    aud: ["heddle"],
    iat: 1_790_000_000,
    nbf: 1_790_000_000,
    exp: 1_790_000_600,
  });
  assert.equal(expiresAt.getTime(), 1_790_000_600_000);
  assert.match(jti ?? "", /^[0-9a-f-]{36}$/);
  const { serviceaccount, ...rest } = bound as { serviceaccount: { name: string; uid: string } };
  assert.deepEqual(rest, { namespace: "shop", pod: { name: "cart-1", uid: "0b9e1c5a" } });
  assert.equal(serviceaccount.name, "cart");
  assert.match(serviceaccount.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(decodeProtectedHeader(token).kid, issuer.keys.keys[0]?.kid);
});

test("the issuer's key is its owner's alone and outlives the process", async () => {
  const [first, second] = [await openTokenIssuer(directory), await openTokenIssuer(directory)];
  assert.deepEqual(first.keys, second.keys);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, "key.pem")).mode & 0o777, 0o600);
  assert.deepEqual(await tokenVerifier(first).verify((await second.issue(request)).token), pod);
});

test("a token for another audience is refused", async () => {
  const issuer = await openTokenIssuer(directory);
  const { token } = await issuer.issue({ ...request, audience: "https://kubernetes.default.svc" });
  assert.deepEqual(await tokenVerifier(issuer).verify(token), { refused: 'unexpected "aud" claim value' });
});

test("a token is refused soon after it expired", async () => {
  const issuer = await openTokenIssuer(directory);
  const { token, expiresAt } = await issuer.issue(request);
  const at = (seconds: number) => tokenVerifier(issuer, { now: () => expiresAt.getTime() + seconds * 1000 });
  assert.deepEqual(await at(-1).verify(token), pod);
  assert.deepEqual(await at(11).verify(token), { refused: '"exp" claim timestamp check failed' });
});

test("a token whose claims were changed is refused", async () => {
  const issuer = await openTokenIssuer(directory);
  const [header, , signature] = (await issuer.issue(request)).token.split(".");
  const claims = {
    ...decodeJwt((await issuer.issue(request)).token),
    sub: "system:serviceaccount:shop:admin",
  };
  const forged = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
  assert.deepEqual(await tokenVerifier(issuer).verify(forged), { refused: "signature verification failed" });
});

test("a token signed by an unknown key is refused", async () => {
  const issuer = await openTokenIssuer(directory);
  const stranger = await openTokenIssuer(join(scratch, "stranger"));
  const { token } = await stranger.issue(request);
  assert.deepEqual(await tokenVerifier(issuer).verify(token), {
    refused: "no applicable key found in the JSON Web Key Set",
  });
});

test("a token without a signature, or signed with the public key as a shared secret, is refused", async () => {
  const issuer = await openTokenIssuer(directory);
  const { token } = await issuer.issue(request);
  const claims = token.split(".")[1];
  const header = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
  const shared = await new SignJWT(decodeJwt(token))
    .setProtectedHeader({ alg: "HS256" })
    .sign(Buffer.from(JSON.stringify(issuer.keys.keys[0])));
  for (const forged of [`${header}.${claims}.`, shared, "", "not.a.token"]) {
    assert.ok("refused" in (await tokenVerifier(issuer).verify(forged)), forged);
  }
});

test("a token of another issuer, or not bound to a pod, is refused", async () => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const trusted = {
    issuer: "https://cluster",
    keys: { keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] },
  };
  const sign = (issuer: string, bound: object) =>
    new SignJWT({ "kubernetes.io": bound })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(issuer)
      .setSubject("system:serviceaccount:shop:cart")
      .setAudience("heddle")
      .setExpirationTime("1h")
      .sign(privateKey);
  const bound = {
    namespace: "shop",
    serviceaccount: { name: "cart" },
    pod: { name: "cart-1", uid: "0b9e1c5a" },
  };
  const verify = async (token: Promise<string>) => tokenVerifier(trusted).verify(await token);
  assert.deepEqual(await verify(sign("https://cluster", bound)), pod);
  assert.deepEqual(await verify(sign("https://other", bound)), { refused: 'unexpected "iss" claim value' });
  assert.deepEqual(await verify(sign("https://cluster", { ...bound, pod: undefined })), {
    refused: "the token is not bound to a pod",
  });
  assert.deepEqual(await verify(sign("https://cluster", { ...bound, serviceaccount: { name: "admin" } })), {
    refused: "the token's subject is not the service account that it is bound to",
  });
});
