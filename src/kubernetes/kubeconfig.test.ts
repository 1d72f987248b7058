import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { accessFromPod } from "./access.ts";
import { accessFromKubeconfig, kubeconfigFiles, readKubeconfig } from "./kubeconfig.ts";

const directory = mkdtempSync(join(tmpdir(), "heddle-kubeconfig-"));
after(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const two = write(
  "two.yaml",
  `
current-context: dev
contexts:
  - {name: dev, context: {cluster: dev, user: file, namespace: shop}}
  - {name: live, context: {cluster: live, user: inline}}
  - {name: broken, context: {cluster: gone, user: inline}}
clusters:
  - {name: dev, cluster: {server: "https://dev:6443/prefix", certificate-authority: ca.pem, tls-server-name: api}}
  - {name: live, cluster: {server: "https://live", certificate-authority-data: ${btoa("inline ca")}}}
users:
  - {name: file, user: {client-certificate: cert.pem, client-key: key.pem}}
  - {name: inline, user: {token: secret, as: jane, as-groups: [a, b]}}
`,
);
for (const name of ["ca", "cert", "key"]) write(`${name}.pem`, `the ${name}`);

function asText(value: unknown): string {
  return String(value);
}

test("the current context decides, and paths are relative to the file", async () => {
  const access = accessFromKubeconfig(readKubeconfig([two]), undefined);
  assert.equal(access.server.href, "https://dev:6443/prefix");
  assert.equal(access.namespace, "shop");
  const { ca, cert, key, servername, headers } = await access.credentials();
  assert.deepEqual([ca, cert, key].map(asText), ["the ca", "the cert", "the key"]);
  assert.equal(servername, "api");
  assert.deepEqual(headers, {});
});

test("another context can be named; its data stand in the file", async () => {
  const access = accessFromKubeconfig(readKubeconfig([two]), "live");
  assert.equal(access.namespace, "default");
  const { ca, headers } = await access.credentials();
  assert.equal(asText(ca), "inline ca");
  assert.deepEqual(headers, {
    authorization: "Bearer secret",
    "impersonate-user": "jane",
    "impersonate-group": ["a", "b"],
  });
});

test("what a kubeconfig lacks is said", () => {
  const config = readKubeconfig([two]);
  assert.throws(() => accessFromKubeconfig(config, "prod"), /no context prod; it has dev, live, broken/);
  assert.throws(() => accessFromKubeconfig(config, "broken"), /context broken refers to cluster gone/);
  assert.throws(() => accessFromKubeconfig({}, undefined), /no current-context; name one with --context/);
  assert.throws(() => readKubeconfig([join(directory, "none")]), /cannot read the kubeconfig .*none: ENOENT/);
  assert.deepEqual(readKubeconfig([write("empty", "")]).contexts, []);
  assert.throws(() => readKubeconfig([write("prose", "hello")]), /prose is no kubeconfig/);
  assert.throws(() => readKubeconfig([write("bad", "{a: [")]), /cannot read the kubeconfig .*bad: /);
});

test("of several files the first that has a name decides, and missing ones are skipped", async () => {
  const first = write("first.yaml", `users: [{name: inline, user: {tokenFile: token}}]`);
  write("token", "from a file\n");
  const config = readKubeconfig([join(directory, "missing"), first, two]);
  const { headers } = await accessFromKubeconfig(config, "live").credentials();
  assert.deepEqual(headers, { authorization: "Bearer from a file" });
});

test("the file is the one given, those of KUBECONFIG, or the usual one", () => {
  const home = join(directory, "home");
  assert.deepEqual(kubeconfigFiles("/a", { KUBECONFIG: "/b" }), ["/a"]);
  assert.deepEqual(kubeconfigFiles(undefined, { KUBECONFIG: "/b:/c:" }), ["/b", "/c"]);
  assert.deepEqual(kubeconfigFiles(undefined, { HOME: home }), []);
  mkdirSync(join(home, ".kube"), { recursive: true });
  writeFileSync(join(home, ".kube/config"), "");
  assert.deepEqual(kubeconfigFiles(undefined, { HOME: home }), [join(home, ".kube/config")]);
});

test("a program gives credentials, and is run again only when they have expired", async () => {
  const runs = join(directory, "runs");
  const program = write(
    "program",
    `#!/bin/sh
echo "$GREETING $1 $KUBERNETES_EXEC_INFO" >> ${runs}
echo '{"status": {"token": "t", "expirationTimestamp": "'$2'"}}'
`,
  );
  chmodSync(program, 0o755);
  const config = (expiry: string) => ({
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://c" } }],
    users: [
      {
        name: "u",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1",
            command: program,
            args: ["login", expiry],
            env: [{ name: "GREETING", value: "hello" }],
            provideClusterInfo: true,
          },
        },
      },
    ],
  });
  const lasting = accessFromKubeconfig(config("2999-01-01T00:00:00Z"), "c");
  const [one, other] = await Promise.all([lasting.credentials(), lasting.credentials()]);
  await lasting.credentials();
  assert.deepEqual(one.headers, { authorization: "Bearer t" });
  assert.deepEqual(other.headers, one.headers);
  const lines = () => readFileSync(runs, "utf8").trim().split("\n");
  assert.equal(lines().length, 1);
  assert.match(lines()[0] ?? "", /^hello login \{.*"server":"https:\/\/c"/);
  const expired = accessFromKubeconfig(config("2001-01-01T00:00:00Z"), "c");
  await expired.credentials();
  await expired.credentials();
  assert.equal(lines().length, 3);
});

test("a program that fails is named, with what it said", async () => {
  const program = write("failing", "#!/bin/sh\necho 'log in first' >&2; exit 1\n");
  chmodSync(program, 0o755);
  const access = accessFromKubeconfig(
    {
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: "https://c" } }],
      users: [
        { name: "u", user: { exec: { apiVersion: "v1", command: program, installHint: "See docs." } } },
      ],
    },
    "c",
  );
  await assert.rejects(
    access.credentials(),
    /failing of the kubeconfig gave no credentials: log in first\nSee docs\./,
  );
});

test("in a pod its service account is used, and a token that is replaced is followed", async (t) => {
  const account = join(directory, "account");
  mkdirSync(account);
  const put = (name: string, content: string) => writeFileSync(join(account, name), content);
  put("token", "one\n");
  put("ca.crt", "the ca");
  put("namespace", "heddle-system");
  assert.equal(accessFromPod({}, account), undefined);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  const access = accessFromPod(environment, account);
  assert.equal(access?.server.href, "https://[fd00::1]/");
  assert.equal(access?.namespace, "heddle-system");
  assert.deepEqual((await access?.credentials())?.headers, { authorization: "Bearer one" });
  put("token", "two\n");
  t.mock.timers.tick(61_000);
  assert.deepEqual((await access?.credentials())?.headers, { authorization: "Bearer two" });
  rmSync(join(account, "token"));
  t.mock.timers.tick(61_000);
  assert.deepEqual((await access?.credentials())?.headers, { authorization: "Bearer two" });
});
