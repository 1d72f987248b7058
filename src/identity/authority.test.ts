import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { fromBER, type Sequence } from "asn1js";
import { authorityOf, type IssuedCertificate, makeAuthorityFiles, openAuthority } from "./authority.ts";

const scratch = mkdtempSync(join(tmpdir(), "heddle-authority-"));
after(() => rmSync(scratch, { recursive: true }));

const hour = 60 * 60 * 1000;
const identity = { namespace: "shop", serviceAccount: "cart", workload: "cart.v1" };

function leafOf(issued: IssuedCertificate): X509Certificate {
  return new X509Certificate(issued.chainPem);
}

test("an authority is made on first use, with files that only its owner reads, and found again", async () => {
  const directory = join(scratch, "first", "ca");
  const made = await openAuthority(directory, { trustDomain: "cluster.local" });
  const found = await openAuthority(directory, { trustDomain: "cluster.local" });
  assert.equal(found.rootPem, made.rootPem);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const file of readdirSync(directory))
    assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(scratch, "first")), ["ca"]);
});

test("two processes that open a new authority at once end with the same one", async () => {
  const directory = join(scratch, "race", "ca");
  const opened = await Promise.all(
    Array.from({ length: 8 }, () => openAuthority(directory, { trustDomain: "cluster.local" })),
  );
  assert.equal(new Set(opened.map((authority) => authority.rootPem)).size, 1);
  assert.deepEqual(readdirSync(join(scratch, "race")), ["ca"]);
});

test("the root is a P-256 certificate authority for ten years", async () => {
  const authority = await openAuthority(join(scratch, "root"), { trustDomain: "example.org" });
  const root = new X509Certificate(authority.rootPem);
  assert.equal(root.subject, "CN=Heddle root of example.org");
  assert.equal(root.ca, true);
  assert.equal(root.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.ok(root.verify(root.publicKey));
  const years = (Date.parse(root.validTo) - Date.now()) / (365 * 24 * hour);
  assert.ok(years > 9.9 && years < 10.1, `${years} years`);
});

test("a workload's certificate says one SPIFFE ID and the workload's name, and nothing in the subject", async () => {
  const now = Date.parse("2026-05-01T12:00:00Z");
  const authority = await openAuthority(join(scratch, "leaf"), {
    trustDomain: "example.org",
    now: () => now,
  });
  const issued = await authority.issueWorkload(identity, 24 * hour);
  const leaf = leafOf(issued);
  assert.deepEqual(subjectOf(leaf), Buffer.of(0x30, 0x00));
  assert.equal(
    leaf.subjectAltName,
    "URI:spiffe://example.org/ns/shop/sa/cart, DNS:cart.v1.shop.workload.heddle",
  );
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  assert.equal(leaf.ca, false);
  assert.ok(leaf.checkIssued(new X509Certificate(authority.rootPem)));
  assert.ok(leaf.verify(new X509Certificate(authority.rootPem).publicKey));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(issued.keyPem.reveal())));
  assert.equal(issued.notBefore.toISOString(), "2026-05-01T11:55:00.000Z");
  assert.equal(issued.notAfter.toISOString(), "2026-05-02T12:00:00.000Z");
  assert.equal(issued.serial, leaf.serialNumber);
  assert.match(issued.serial, /^[4-7][0-9A-F]{31}$/);
});

test("OpenSSL accepts the chain for servers and for clients", async () => {
  const directory = join(scratch, "openssl");
  const authority = await openAuthority(directory, { trustDomain: "cluster.local" });
  const leaf = join(scratch, "openssl-leaf.pem");
  writeFileSync(leaf, (await authority.issueWorkload(identity, hour)).chainPem);
  for (const purpose of ["sslserver", "sslclient"]) {
    const output = execFileSync("openssl", [
      "verify",
      "-x509_strict",
      "-purpose",
      purpose,
      "-CAfile",
      join(directory, "root-cert.pem"),
      leaf,
    ]);
    assert.match(output.toString(), /: OK/);
  }
});

test("a server's certificate is good for its names, and proves to other replicas that it is the control plane's", async () => {
  const authority = await openAuthority(join(scratch, "server"), { trustDomain: "cluster.local" });
  const leaf = leafOf(await authority.issueServer(["heddle.heddle-system.svc", "localhost"], hour));
  assert.equal(leaf.checkHost("heddle.heddle-system.svc"), "heddle.heddle-system.svc");
  assert.match(leaf.subjectAltName ?? "", /^URI:spiffe:\/\/cluster\.local\/ns\/heddle-system\/sa\/heddle, /);
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
});

test("the same files make the same authority wherever they are", async () => {
  const files = new Map(Object.entries(makeAuthorityFiles({ trustDomain: "cluster.local" })));
  const [here, there] = ["Secret a", "Secret b"].map((place) =>
    authorityOf(files, place, { trustDomain: "cluster.local" }),
  );
  assert.ok(here !== undefined && there !== undefined);
  assert.equal(here.rootPem, there.rootPem);
  const leaf = leafOf(await here.issueWorkload(identity, hour));
  assert.ok(leaf.verify(new X509Certificate(there.rootPem).publicKey));
});

test("no certificate outlives its authority", async () => {
  const authority = await openAuthority(join(scratch, "outlive"), { trustDomain: "cluster.local" });
  const issued = await authority.issueWorkload(identity, 20 * 365 * 24 * hour);
  assert.equal(issued.notAfter.getTime(), Date.parse(new X509Certificate(authority.rootPem).validTo));
});

test("a private key is in no log, dump or text", async () => {
  const authority = await openAuthority(join(scratch, "private"), { trustDomain: "cluster.local" });
  const issued = await authority.issueWorkload(identity, hour);
  assert.match(issued.keyPem.reveal(), /PRIVATE KEY/);
  for (const shown of [
    inspect(issued, { showHidden: true }),
    JSON.stringify(issued),
    String(issued.keyPem),
  ]) {
    assert.doesNotMatch(shown, /PRIVATE KEY/);
  }
});

const intermediateDirectory = join(scratch, "intermediate");

test("a user's own intermediate signs, and its chain is sent along", async () => {
  makeIntermediate(intermediateDirectory);
  const directory = intermediateDirectory;
  const authority = await openAuthority(directory, { trustDomain: "cluster.local" });
  const issued = await authority.issueWorkload(identity, hour);
  const intermediate = readFileSync(join(directory, "ca-cert.pem"), "utf8");
  assert.equal(issued.chainPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.ok(leafOf(issued).checkIssued(new X509Certificate(intermediate)));
  const chain = join(scratch, "chain.pem");
  writeFileSync(chain, issued.chainPem);
  const root = join(directory, "root-cert.pem");
  assert.match(
    execFileSync("openssl", ["verify", "-CAfile", root, "-untrusted", chain, chain]).toString(),
    /OK/,
  );
});

test("a directory whose files do not fit together is refused with the file's name", async () => {
  const directory = join(scratch, "mismatch");
  cpSync(intermediateDirectory, directory, { recursive: true });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  writeFileSync(join(directory, "ca-key.pem"), other.export({ type: "pkcs8", format: "pem" }));
  await assert.rejects(
    openAuthority(directory, { trustDomain: "cluster.local" }),
    /ca-key\.pem is not the key of/,
  );
  rmSync(join(directory, "root-cert.pem"));
  await assert.rejects(openAuthority(directory, { trustDomain: "cluster.local" }), /has no root-cert\.pem/);
});

/** As DER: BoringSSL refuses other ways of writing an empty name, which OpenSSL takes. */
function subjectOf(certificate: X509Certificate): Buffer {
  const [body] = (fromBER(certificate.raw).result as Sequence).valueBlock.value;
  const subject = (body as Sequence).valueBlock.value[5];
  return Buffer.from(subject?.toBER() ?? new ArrayBuffer(0));
}

/** Made by OpenSSL with RSA keys, as Istio's own tools make them. */
function makeIntermediate(directory: string): void {
  mkdirSync(directory);
  const run = (...words: string[]) => execFileSync("openssl", words, { cwd: directory, stdio: "pipe" });
  const newKey = ["-newkey", "rsa:2048", "-nodes"];
  run(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "root-key.pem",
    "-out",
    "root-cert.pem",
    "-subj",
    "/CN=corporate root",
  );
  run("req", ...newKey, "-keyout", "ca-key.pem", "-out", "ca.csr", "-subj", "/O=Corp/CN=mesh");
  writeFileSync(join(directory, "ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
  const signed = ["-CA", "root-cert.pem", "-CAkey", "root-key.pem", "-days", "30", "-extfile", "ext"];
  run("x509", "-req", "-in", "ca.csr", ...signed, "-CAcreateserial", "-out", "ca-cert.pem");
  writeFileSync(join(directory, "cert-chain.pem"), readFileSync(join(directory, "ca-cert.pem")));
}
