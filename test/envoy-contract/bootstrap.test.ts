/**
 * The sidecar's container on the real Envoy: its arguments are valid, it proves its pod's identity to the control
 * plane alone, and picks up what the kubelet replaces.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Authority, openAuthority } from "#identity/authority.ts";
import { trustBundleData } from "#identity/trust-bundle.ts";
import { credentialsDirectory, maxHeapBytes, tokenSds } from "#injector/bootstrap.ts";
import { proxyContainer } from "#injector/proxy.ts";
import { defaultInjectionSettings } from "#injector/settings.ts";
import { balancerPath } from "#model/balancer.ts";
import { envoyBinary } from "#test/helpers/envoy.ts";
import { createNamespace, type Namespace } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { balancerLibrary } from "./latency-aware.ts";

const port = 15_010;
const settings = {
  ...defaultInjectionSettings,
  xdsAddress: { host: "localhost", port },
  statsFlushSeconds: 1,
};
const scratch = mkdtempSync(join(tmpdir(), "heddle-bootstrap-"));
const credentials = join(scratch, "credentials");
const adminPort = 15_000;

/** The sidecar's arguments as a runner makes them: variables replaced, and the volume at another path. */
/** Where the sidecar's user can read it. */
const library = join(scratch, "balancer.so");
copyFileSync(await balancerLibrary(), library);

function sidecarArguments(): readonly string[] {
  const variables = {
    POD_NAME: "cart-1",
    POD_NAMESPACE: "shop",
    SERVICE_ACCOUNT: "cart",
    POD_IP: "10.0.0.7",
  };
  return (proxyContainer(settings, settings.proxyResources, maxHeapBytes("256Mi")).args ?? []).map(
    (argument) =>
      Object.entries(variables)
        .reduce((text, [name, value]) => text.replaceAll(`$(${name})`, value), argument)
        .replaceAll(credentialsDirectory, credentials)
        .replaceAll(balancerPath, library),
  );
}

let generation = 0;

/** Writes a volume's files as the kubelet does: a new directory, and one rename that makes it current. */
function writeCredentials(token: string, rootPem: string): void {
  const data = `..${++generation}`;
  mkdirSync(join(credentials, data), { recursive: true });
  const files = {
    token,
    "sds.json": tokenSds().replaceAll(credentialsDirectory, credentials),
    ...trustBundleData(rootPem),
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(credentials, data, name), text);
    if (generation === 1) symlinkSync(join("..data", name), join(credentials, name));
  }
  symlinkSync(data, join(credentials, "..next"));
  renameSync(join(credentials, "..next"), join(credentials, "..data"));
}

after(() => rmSync(scratch, { recursive: true }));

describe("the sidecar's bootstrap", () => {
  let authority: Authority;
  let namespace: Namespace;
  const streams: { path: string; authorization: string; protocol: string; end(): void }[] = [];
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    authority = await openAuthority(join(scratch, "ca"), { trustDomain: "cluster.local" });
    namespace = await createNamespace();
    cleanups.push(() => namespace.close());
  });

  after(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  test("is valid, without a warning", () => {
    writeCredentials("first", authority.rootPem);
    const output = execFileSync(envoyBinary(), ["--mode", "validate", ...sidecarArguments()], {
      stdio: "pipe",
    });
    assert.equal(output.toString().trim(), "configuration '' OK");
  });

  test("brings the pod's token to a control plane that the mesh's roots vouch for, over TLS 1.3", async () => {
    await startControlPlane(["localhost"]);
    await startSidecar();
    await until(() => streams.length > 0, "the sidecar to connect");
    const [stream] = streams;
    assert.equal(
      stream?.path,
      "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
    );
    assert.equal(stream.authorization, "Bearer first");
    assert.equal(stream.protocol, "TLSv1.3");
  });

  test("pushes its measurements there as well, with the token", async () => {
    const path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    await until(() => streams.some((stream) => stream.path === path), "the sidecar to push");
    assert.equal(streams.find((stream) => stream.path === path)?.authorization, "Bearer first");
  });

  test("uses a new token from the next connection on", async () => {
    writeCredentials("second", authority.rootPem);
    // Envoy reads the file some time after it was replaced, which cannot be seen from outside.
    await until(() => {
      for (const stream of streams) stream.end();
      return streams.some((stream) => stream.authorization === "Bearer second");
    }, "a stream with the new token");
  });

  test("answers read-only questions alone on its admin port", async () => {
    for (const path of [
      "/clusters",
      "/heddle_endpoints",
      "/config_dump?mask=bootstrap",
      "/stats?filter=server",
      "/server_info",
    ]) {
      assert.equal((await admin("GET", path)).status, 200, path);
    }
    for (const path of ["/quitquitquit", "/drain_listeners?graceful", "/healthcheck/fail", "/logging", "/"]) {
      assert.equal((await admin("POST", path)).status, 403, path);
    }
  });

  test("keeps the statistics that answer probes, and few others", async () => {
    const names = (await admin("GET", "/stats")).body.split("\n").map((line) => line.split(":")[0] ?? "");
    assert.ok(names.includes("server.memory_allocated"), names.join("\n"));
    assert.ok(names.length < 40, names.join("\n"));
  });

  test("does not talk to a control plane for which its roots do not vouch", async () => {
    const other = await openAuthority(join(scratch, "other"), { trustDomain: "cluster.local" });
    const line = other.rootPem.split("\n")[1] ?? "";
    writeCredentials("third", other.rootPem);
    const loaded = async () => (await admin("GET", "/config_dump")).body.includes(line);
    await until(loaded, "the other root to be loaded");
    const [count, failures] = [streams.length, await failedConnections()];
    closeConnections();
    await until(async () => (await failedConnections()) > failures, "a failed connection");
    assert.equal(streams.length, count);
  });

  const sessions = new Set<http2.ServerHttp2Session>();
  const closeConnections = () => {
    for (const session of sessions) session.destroy();
  };

  async function failedConnections(): Promise<number> {
    const { body } = await admin("GET", "/stats");
    return Number(/cluster.xds.upstream_cx_connect_fail: (\d+)/.exec(body)?.[1] ?? 0);
  }

  async function startControlPlane(names: readonly string[]): Promise<void> {
    const { chainPem, keyPem } = await authority.issueServer(names, 3_600_000);
    const server = http2.createSecureServer({ cert: chainPem, key: keyPem.reveal() });
    server.on("session", (session) => {
      sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => sessions.delete(session));
    });
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      const socket = stream.session?.socket as { getProtocol?: () => string | null } | undefined;
      streams.push({
        path: headers[":path"] ?? "",
        authorization: headers.authorization ?? "",
        protocol: socket?.getProtocol?.() ?? "",
        end: () => stream.close(),
      });
    });
    server.listen(await namespace.listen(port, "127.0.0.1"));
    cleanups.push(() => {
      closeConnections();
      server.close();
    });
  }

  async function startSidecar(): Promise<void> {
    const command = [
      "setpriv",
      "--reuid=1337",
      "--regid=1337",
      "--clear-groups",
      envoyBinary(),
      ...sidecarArguments(),
    ];
    execFileSync("chmod", ["-R", "a+rX", scratch]);
    const envoy = spawn("nsenter", [`--net=${namespace.path}`, ...command], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    cleanups.push(async () => {
      envoy.kill("SIGKILL");
      if (envoy.exitCode === null && envoy.signalCode === null) await once(envoy, "exit");
    });
  }

  async function admin(method: string, path: string): Promise<{ status: number; body: string }> {
    const socket = await namespace.connect("127.0.0.1", adminPort);
    const request = http.request({ method, path, createConnection: () => socket }).end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return { status: response.statusCode ?? 0, body };
  }
});
