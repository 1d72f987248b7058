import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askSocket } from "#local/socket-client.ts";
import type { StatOptions } from "#telemetry/stat.ts";
import { type ApiSources, alone, createApi, createHealthApi, serveApi } from "./server.ts";

const quiet: ApiSources = {
  notReady: () => [],
  stat: () => alone([]),
  metrics: () => "istio_requests_total 1\n",
  problems: () => [],
  proxies: () => alone([]),
  acknowledgements: () => alone([]),
  collections: () => new Map([["services", { keys: new Set(["a"]), version: 3n }]]),
};

test("readiness is a status with its reasons", async () => {
  assert.equal((await createApi(quiet).request("/ready")).status, 200);
  const starting = await createApi({ ...quiet, notReady: () => ["files are being read"] }).request("/ready");
  assert.equal(starting.status, 503);
  assert.deepEqual(await starting.json(), { ready: false, reasons: ["files are being read"] });
});

test("the namespace and the window of a stat are passed on", async () => {
  const asked: StatOptions[] = [];
  const api = createApi({
    ...quiet,
    stat: (options) => {
      asked.push(options);
      return alone([]);
    },
  });
  await api.request("/stat");
  await api.request("/stat?namespace=shop&windowMs=60000");
  assert.equal((await api.request("/stat?windowMs=soon")).status, 400);
  assert.deepEqual(asked, [{ windowMs: 30_000 }, { windowMs: 60_000, namespace: "shop" }]);
});

test("an answer names the replicas that are missing in it", async () => {
  const stat = () => Promise.resolve({ items: [], unanswered: ["10.0.0.2", "10.0.0.3"] });
  const answer = await createApi({ ...quiet, stat }).request("/stat");
  assert.equal(answer.headers.get("heddle-unanswered"), "10.0.0.2,10.0.0.3");
  assert.equal((await createApi(quiet).request("/stat")).headers.get("heddle-unanswered"), null);
});

test("strangers are told of health and metrics alone", async () => {
  const api = createHealthApi(quiet);
  const statuses = ["/live", "/ready", "/metrics", "/stat", "/proxies", "/debug/collections"].map(
    async (path) => (await api.request(path)).status,
  );
  assert.deepEqual(await Promise.all(statuses), [200, 200, 200, 404, 404, 404]);
});

test("maps, sets and big integers become JSON", async () => {
  const answer = await createApi(quiet).request("/debug/collections");
  assert.deepEqual(await answer.json(), { services: { keys: ["a"], version: "3" } });
});

test("metrics have Prometheus' content type", async () => {
  const answer = await createApi(quiet).request("/metrics");
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
});

test("the socket is for its owner alone, and replaces one that was left behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-api-"));
  const socket = join(folder, "control-plane.sock");
  writeFileSync(socket, "");
  const server = await serveApi(socket, quiet);
  try {
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.deepEqual(await askSocket(socket, "/problems"), []);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
