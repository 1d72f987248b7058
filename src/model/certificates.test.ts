import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuthority } from "#test/helpers/certificates.ts";
import { areCertificates, isUsablePair } from "./certificates.ts";

test("a certificate is usable with its own key alone, and what is none is told", async () => {
  const authority = await createAuthority();
  const [one, other] = [await authority.issue({ dns: ["a"] }), await authority.issue({ dns: ["a"] })];
  assert.ok(isUsablePair(one.chain, one.key));
  assert.ok(isUsablePair(`${one.chain}\n${authority.root}`, one.key));
  assert.ok(areCertificates(`# ours\n${authority.root}\n${authority.root}`));
  assert.ok(!isUsablePair(one.chain, other.key));
  assert.ok(!isUsablePair(one.chain, "key"));
  assert.ok(!isUsablePair("chain", one.key));
  const broken = one.chain.replace(/M/g, "N");
  assert.ok(!isUsablePair(broken, one.key));
  assert.ok(!areCertificates(`${authority.root}\n${broken}`));
  assert.ok(!areCertificates(""));
});
