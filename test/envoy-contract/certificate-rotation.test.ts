// Certificates and trust bundle replaced by SDS, on both sides, while requests go through: none fails, and no
// connection is drained.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { type AdsServer, type Resolve, settle } from "#test/helpers/ads.ts";
import { type Certificate, createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import { http2Session, readUntil, request, request2, startEcho } from "#test/helpers/http.ts";
import { createPodNetwork, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { inboundCluster, inboundListener, mixedTransport, secrets } from "./mutual-tls.ts";
import { edsCluster, endpoints, outboundRules } from "./outbound.ts";
import { onDemand, type Sidecar, startSidecar } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const destination = "10.96.0.1:80";
const known = { [destination]: { domains: ["server"], endpoint: "" } };
const accounts = ["client", "server"] as const;
type Account = (typeof accounts)[number];
let authority: TestAuthority;
let node: Namespace;
let client: Sidecar;
let server: Sidecar;
const first = {} as Record<Account, Certificate>;

const issue = (account: Account, issuer = authority): Promise<Certificate> =>
  issuer.issue({ uri: `spiffe://cluster.local/ns/default/sa/${account}` });

function resolveWith(account: Account, rest: Resolve): Resolve {
  return (type, name) =>
    type === "secret"
      ? secrets(first[account], authority.root).filter(({ resource }) => resource.name === name)
      : rest(type, name);
}

/** Replaces certificate and bundle of one side; each pair of versions is a name of its own. */
async function replace(
  ads: AdsServer,
  certificate: Certificate,
  roots: readonly string[],
  version: string,
): Promise<void> {
  await settle(ads, secrets(certificate, roots.join("\n"), version));
}

const inbound: Resolve = (type) => {
  if (type === "listener") return [inboundListener({ strict: true, detectionMs: 1_000 })];
  return type === "cluster" ? [inboundCluster] : [];
};

before(async () => {
  authority = await createAuthority();
  for (const account of accounts) first[account] = await issue(account);
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  node = network.node;
  const pods = { client: await network.pod("10.244.0.2"), server: await network.pod("10.244.0.3") };
  stack.adopt(startEcho(await pods.server.listen(8080), "server"), (app) => app.close());
  const outbound = onDemand(known, {}, (type, name) => {
    if (type === "cluster" && name !== "*") return [edsCluster(name, mixedTransport("http"))];
    return type === "endpoints" ? [endpoints(name, { meshed: "10.244.0.3:8080" })] : undefined;
  });
  const rules = outboundRules.replace(
    "chain output",
    "chain prerouting { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :15006; }\n  chain output",
  );
  server = await startSidecar(stack, pods.server, resolveWith("server", inbound), {
    rules,
    listener: "inbound",
  });
  client = await startSidecar(stack, pods.client, resolveWith("client", outbound));
});

/** The hash of the client's certificate that the server's sidecar saw, on a new connection between the two. */
async function seenHash(): Promise<string> {
  // Pooled connections keep the certificate of their beginning; the load is HTTP/1.1, so HTTP/2 needs a new one.
  const session = http2Session(await client.dial(destination));
  const echo = (await request2(session, { authority: "server" })).echo();
  session.destroy();
  return /Hash=([0-9a-f]+)/.exec(String(echo.headers["x-forwarded-client-cert"]))?.[1] ?? "";
}

test("strict: what is not mTLS is refused, HTTP and silence alike", async () => {
  const [asking, silent] = [await node.connect("10.244.0.3", 8080), await node.connect("10.244.0.3", 8080)];
  await assert.rejects(request(asking, { headers: { host: "x" } }));
  await assert.rejects(readUntil(silent, "\n"));
});

test("certificates and root are replaced under load, no request fails, no listener is updated", async () => {
  const load = { isDone: false, count: 0 };
  // Each request has a downstream connection of its own; upstream connections are pooled by the sidecar.
  const clients = Array.from({ length: 4 }, async () => {
    for (; !load.isDone; load.count++) assert.equal((await client.ask(destination, "server")).status, 200);
  });
  const goesOn = async (): Promise<void> => {
    const wanted = load.count + 20;
    await Promise.race([until(() => load.count >= wanted, "further requests"), ...clients]);
  };
  for (let version = 2; version <= 6; version++) {
    await goesOn();
    await replace(client.ads, await issue("client"), [authority.root], `client-${version}`);
    await replace(server.ads, await issue("server"), [authority.root], `server-${version}`);
  }
  // A new root: both trusted first, then new leaves, then the old root goes.
  const next = await createAuthority("next root");
  const leaves = { client: await issue("client", next), server: await issue("server", next) };
  for (const [version, roots, isNew] of [
    ["overlap", [authority.root, next.root], false],
    ["new-leaves", [authority.root, next.root], true],
    ["new-root", [next.root], true],
  ] as const)
    for (const account of accounts) {
      await goesOn();
      const { ads } = account === "client" ? client : server;
      await replace(ads, isNew ? leaves[account] : await issue(account), roots, version);
    }
  await goesOn();
  load.isDone = true;
  await Promise.all(clients);
  const fingerprint = new X509Certificate(leaves.client.chain).fingerprint256;
  assert.equal(await seenHash(), fingerprint.replaceAll(":", "").toLowerCase());
  assert.equal(await server.envoy.stat("listener_manager.listener_modified"), 0);
  assert.deepEqual([...client.ads.nacks(), ...server.ads.nacks()], []);
});
