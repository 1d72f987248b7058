// How a sidecar proves itself to the control plane and knows it, without an agent: token and trust bundle are
// files of a projected volume, which Envoy reads anew when they are replaced.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { type AdsServer, startAds } from "#test/helpers/ads.ts";
import { createAuthority, type TestAuthority } from "#test/helpers/certificates.ts";
import { adsBootstrap, xdsCluster } from "#test/helpers/config.ts";
import { type Envoy, startEnvoy } from "#test/helpers/envoy.ts";
import { freePort } from "#test/helpers/free-port.ts";
import { until } from "#test/helpers/wait.ts";
import { fixedCluster } from "./plain.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const serverName = "heddle.heddle-system.svc";
const extensions = "type.googleapis.com/envoy.extensions";
const volume = stack.adopt(mkdtempSync(join(tmpdir(), "heddle-volume-")), (path) =>
  rmSync(path, { recursive: true }),
);
let generation = 0;
let authority: TestAuthority;
let ads: AdsServer;
let envoy: Envoy;

/** Replaces all files at once, as the kubelet does it: the link `..data` moves to a new directory. */
function project(files: Readonly<Record<string, string>>): void {
  const name = `..generation-${++generation}`;
  mkdirSync(join(volume, name));
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(volume, name, file), content);
    if (generation === 1) symlinkSync(join("..data", file), join(volume, file));
  }
  symlinkSync(name, join(volume, "..data_new"));
  renameSync(join(volume, "..data_new"), join(volume, "..data"));
}

const secret = (name: string, content: object): string =>
  JSON.stringify({
    resources: [{ "@type": `${extensions}.transport_sockets.tls.v3.Secret`, name, ...content }],
  });

/** What the volume holds: the token, the SDS file that points to it, the SDS file with the trust bundle. */
function contents(token: string, ...roots: readonly string[]): Readonly<Record<string, string>> {
  const watched = { path: volume };
  return {
    token,
    "sds.json": secret("token", {
      generic_secret: { secret: { filename: join(volume, "token"), watched_directory: watched } },
    }),
    "trust-bundle.json": secret("bundle", {
      validation_context: { trusted_ca: { inline_string: roots.join("\n") } },
    }),
  };
}

const fileSource = (file: string): object => ({
  path_config_source: { path: join(volume, file), watched_directory: { path: volume } },
});

/** The bootstrap's cluster: the token goes on every stream, the server's name and chain are checked. */
function cluster(port: number): object {
  const injector = {
    name: "envoy.filters.http.credential_injector",
    typed_config: {
      "@type": `${extensions}.filters.http.credential_injector.v3.CredentialInjector`,
      overwrite: true,
      credential: {
        name: "envoy.http.injected_credentials.generic",
        typed_config: {
          "@type": `${extensions}.http.injected_credentials.generic.v3.Generic`,
          header: "authorization",
          header_value_prefix: "Bearer ",
          credential: { name: "token", sds_config: fileSource("sds.json") },
        },
      },
    },
  };
  const codec = {
    name: "envoy.filters.http.upstream_codec",
    typed_config: { "@type": `${extensions}.filters.http.upstream_codec.v3.UpstreamCodec` },
  };
  const tls = {
    "@type": `${extensions}.transport_sockets.tls.v3.UpstreamTlsContext`,
    sni: serverName,
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: serverName } }],
        },
        validation_context_sds_secret_config: { name: "bundle", sds_config: fileSource("trust-bundle.json") },
      },
    },
  };
  return xdsCluster(
    { socket_address: { address: "127.0.0.1", port_value: port } },
    { filters: [injector, codec], more: { transport_socket: { name: "tls", typed_config: tls } } },
  );
}

async function serve(issuer: TestAuthority, port: number): Promise<AdsServer> {
  const { chain, key } = await issuer.issue({ dns: [serverName] });
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(chain) };
  const server = await startAds(
    (type) => (type === "cluster" ? [fixedCluster("app", ["127.0.0.1:1"])] : []),
    {
      listen: `127.0.0.1:${port}`,
      credentials: grpc.ServerCredentials.createSsl(null, [pair]),
    },
  );
  return stack.adopt(server, (made) => made.dispose());
}

/** The tokens of all streams, in order. */
const tokens = (server: AdsServer): readonly unknown[] =>
  server.events.flatMap((event) => (event.kind === "stream" ? event.metadata.authorization : []));

/**
 * Ends streams until one has come with this token: Envoy reads the file some time after the directory has told it of the
 * change, and nothing is to be seen of that from outside.
 */
async function comesWith(server: AdsServer, token: string): Promise<void> {
  const last = () => tokens(server).at(-1);
  await until(async () => {
    const { length } = tokens(server);
    if (last() === token) return true;
    server.disconnect();
    await until(() => tokens(server).length > length, "a further stream");
    return last() === token;
  }, `a stream with ${token}`);
}

before(async () => {
  authority = await createAuthority();
  project(contents("token-1", authority.root));
  ads = await serve(authority, await freePort());
  const bootstrap = adsBootstrap("", { static_resources: { clusters: [cluster(ads.port())] } });
  envoy = stack.adopt(await startEnvoy(bootstrap), (started) => started.stop());
});

test("the first stream carries the token", async () => {
  await ads.event((event) => event.kind === "ack" && event.type === "cluster", "clusters to be acknowledged");
  assert.deepEqual(tokens(ads), ["Bearer token-1"]);
});

test("a token that was replaced is on later streams", async () => {
  project(contents("token-2", authority.root));
  await comesWith(ads, "Bearer token-2");
  assert.deepEqual([...new Set(tokens(ads))], ["Bearer token-1", "Bearer token-2"]);
});

test("a new trust bundle is taken without a restart: overlap first, then the new root alone", async () => {
  const port = ads.port();
  const next = await createAuthority("next root");
  await ads.close();
  const renewed = await serve(next, port);
  const refused = async () => (await envoy.stat("cluster.xds.ssl.fail_verify_error")) > 0;
  await until(refused, "a server that is not known");
  assert.deepEqual(tokens(renewed), [], "a root outside of the bundle is refused");
  project(contents("token-3", authority.root, next.root));
  await until(() => tokens(renewed).length > 0, "a stream to the server of the new root");
  assert.equal(tokens(renewed).at(-1), "Bearer token-3");
  project(contents("token-4", next.root));
  await comesWith(renewed, "Bearer token-4");
});
