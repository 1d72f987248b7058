// Who a proxy is: certificates renewed under load, and an xDS port that gives each pod its own identity and no other.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { openTokenIssuer, type TokenRequest } from "#identity/tokens.ts";
import { type Mesh, startMesh } from "#test/helpers/mesh.ts";
import { until } from "#test/helpers/wait.ts";
import { call, client, echo, meshedNamespace, service } from "#test/helpers/workloads.ts";

const run = promisify(execFile);
const namespace = "shop";
let mesh: Mesh;

before(async () => {
  process.env.HEDDLE_CERTIFICATE_LIFETIME_MS = "8000";
  mesh = await startMesh({
    "mesh.yaml": [
      meshedNamespace(namespace),
      echo("server", ["--http", "8080"], 8080, { namespace, spec: { serviceAccountName: "server" } }),
      service("server", [{ name: "http", port: 80, targetPort: 8080 }], { namespace }),
      client("web", { namespace, spec: { serviceAccountName: "web" } }),
    ],
  });
});
after(() => mesh.close());

/** The certificate that a workload's proxy presents to others now. */
async function certificateOf(workload: string): Promise<X509Certificate> {
  const [pod] = await mesh.podsOf(workload);
  const { stdout } = await mesh.heddle(
    "proxy-config",
    "-n",
    namespace,
    pod?.name ?? "",
    "secrets",
    "-o",
    "json",
  );
  const secrets = JSON.parse(stdout) as {
    name: string;
    secret: { tls_certificate?: { certificate_chain: { inline_string: string } } };
  }[];
  const own = secrets.find(({ name }) => name === "default")?.secret.tls_certificate;
  return new X509Certificate(own?.certificate_chain.inline_string ?? "");
}

test("a certificate says who the workload is, and nothing else", async () => {
  const certificate = await certificateOf("server");
  assert.equal(
    certificate.subjectAltName,
    "URI:spiffe://cluster.local/ns/shop/sa/server, DNS:server.shop.workload.heddle",
  );
  assert.equal(certificate.subject, undefined);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("keys of the mesh, and tokens of its pods, are readable by nobody else", () => {
  // In volumes everybody may read, who gets there.
  for (const path of [mesh.state.root, mesh.state.pods])
    assert.equal(statSync(path).mode & 0o777, 0o700, path);
  for (const file of ["ca/ca-key.pem", "tokens/key.pem"]) {
    assert.equal(statSync(join(mesh.state.root, file)).mode & 0o777, 0o600, file);
  }
});

test("certificates that live eight seconds are renewed all the time, and no request fails", async () => {
  const first = { server: await certificateOf("server"), web: await certificateOf("web") };
  const load = mesh.exec("deploy/web", call("http://server/", "--count", "800", "--interval", "10"), {
    namespace,
    container: "web",
  });
  const serials = new Set<string>();
  await until(
    async () => serials.add((await certificateOf("server")).serialNumber).size >= 3,
    "two renewals",
  );
  const answers = (await load).stdout.trim().split("\n");
  const failed = answers.filter((line) => !line.startsWith('{"ok":true,"status":200'));
  assert.deepEqual(failed, []);
  assert.equal(answers.length, 800);
  for (const workload of ["server", "web"] as const) {
    assert.notEqual((await certificateOf(workload)).serialNumber, first[workload].serialNumber);
  }
});

suite("the xDS port", () => {
  async function ask(token: string, nodeId: string): Promise<string> {
    const { networkNamespace } = await mesh.summary();
    const script = join(import.meta.dirname, "..", "helpers", "ask-secret.ts");
    const root = join(mesh.state.root, "ca", "root-cert.pem");
    const command = [process.execPath, script, "10.244.0.1:15010", root, nodeId, token];
    const { stdout } = await run("nsenter", [`--net=/run/netns/${networkNamespace}`, ...command]);
    return stdout.trim();
  }

  async function tokenOf(workload: string, changes: Partial<TokenRequest> = {}): Promise<string> {
    const [pod] = await mesh.podsOf(workload);
    const file = join(mesh.state.root, "cluster", "pods", `${namespace}.${pod?.name}.json`);
    const { metadata } = JSON.parse(readFileSync(file, "utf8")) as { metadata: { uid: string } };
    const issuer = await openTokenIssuer(join(mesh.state.root, "tokens"));
    const { token } = await issuer.issue({
      namespace,
      serviceAccount: workload,
      pod: pod?.name ?? "",
      podUid: metadata.uid,
      audience: "heddle",
      expirationSeconds: 600,
      ...changes,
    });
    return token;
  }

  test("gives a proxy its own identity, whatever it says of itself", async () => {
    const [server] = await mesh.podsOf("server");
    const answer = await ask(await tokenOf("web"), `${server?.name}.${namespace}`);
    assert.equal(answer, "URI:spiffe://cluster.local/ns/shop/sa/web, DNS:web.shop.workload.heddle");
  });

  for (const [what, changes] of [
    ["of another audience", { audience: "api" }],
    ["that has expired", { expirationSeconds: -60 }],
    ["of a pod that does not run", { pod: "nobody" }],
    ["of an earlier pod of that name", { podUid: "earlier" }],
    ["of another service account than the pod's", { serviceAccount: "server" }],
  ] as const) {
    test(`refuses a token ${what}`, async () => {
      assert.match(await ask(await tokenOf("web", changes), "x"), /^16 /);
    });
  }

  test("refuses no token, and a forged one", async () => {
    assert.match(await ask("", "x"), /^16 /);
    const [header, , signature] = (await tokenOf("web")).split(".");
    const claims = Buffer.from(JSON.stringify({ sub: "system:serviceaccount:shop:server" })).toString(
      "base64url",
    );
    assert.match(await ask(`${header}.${claims}.${signature}`, "x"), /^16 /);
  });
});

test("after the control plane was killed proxies prove who they are again, and go on being renewed", async () => {
  // Every proxy opens a new stream with the token of its file.
  const { controlPlane } = await mesh.summary();
  assert.ok(controlPlane.pid !== undefined);
  process.kill(controlPlane.pid, "SIGKILL");
  const serial = (await certificateOf("server")).serialNumber;
  await until(
    async () => (await certificateOf("server")).serialNumber !== serial,
    "a certificate of the new control plane",
  );
});
