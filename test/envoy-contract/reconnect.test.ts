// A control plane that goes away and comes back: known destinations keep working, unknown ones wait no longer than
// their bound, and what Envoy holds at the same version is not sent again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AdsEvent, settle } from "#test/helpers/ads.ts";
import { milliseconds } from "#test/helpers/config.ts";
import { startEcho } from "#test/helpers/http.ts";
import { createPodNetwork } from "#test/helpers/namespace.ts";
import { until } from "#test/helpers/wait.ts";
import { type Known, onDemand, type Sidecar, startSidecar, together } from "./sidecar.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

const endpoint = "127.0.0.1:8080";
const known: Record<string, Known> = {};
for (let host = 1; host <= 4; host++) known[`10.96.0.${host}:80`] = { domains: [`s${host}`], endpoint };
let sidecar: Sidecar;
let isSilent = false;
/** Long enough for a look-up, and to connect again. */
const boundMs = 3_000;

before(async () => {
  const network = stack.adopt(await createPodNetwork(), (pods) => pods.close());
  const pod = await network.pod("10.244.0.2");
  stack.adopt(startEcho(await pod.listen(8080), "app"), (app) => app.close());
  const manager = { commonHttpProtocolOptions: { maxStreamDuration: milliseconds(boundMs) } };
  const answer = onDemand(known, { manager });
  sidecar = await startSidecar(stack, pod, (type, name) => (isSilent ? undefined : answer(type, name)));
});

const get = async (host: number): Promise<number> => (await sidecar.ask(`10.96.0.${host}:80`, "any")).status;
const subscriptions = (
  stream: number,
  type: string,
): readonly Extract<AdsEvent, { initialVersions: object }>[] =>
  sidecar.ads.events.flatMap((event) =>
    event.kind === "subscribe" && event.stream === stream && event.type === type ? event : [],
  );

test("with the control plane away known destinations work, an unknown one is answered at its bound", async () => {
  assert.equal(await get(1), 200);
  await settle(sidecar.ads, together("10.96.0.2:80", { domains: ["s2"], endpoint }));
  assert.equal(await get(2), 200);
  await sidecar.ads.close();
  for (const host of [1, 2, 1]) assert.equal(await get(host), 200);
  const start = performance.now();
  assert.equal(await get(3), 504);
  const ms = performance.now() - start;
  assert.ok(ms > boundMs * 0.9 && ms < boundMs * 10, `${ms} ms`);
});

test("a request that waits while the control plane comes back is served", async () => {
  const waiting = get(4);
  await until(
    async () => (await sidecar.envoy.stat("http.outbound.downstream_rq_active")) === 1,
    "the request to wait",
  );
  await sidecar.ads.reopen();
  assert.equal(await waiting, 200);
});

test("the new stream says what Envoy holds: asked names, and versions of everything", async () => {
  const [hosts] = subscriptions(2, "virtualHost");
  assert.deepEqual([...(hosts?.names ?? [])].sort(), [
    "*",
    "outbound/10.96.0.1:80",
    "outbound/10.96.0.3:80",
    "outbound/10.96.0.4:80",
  ]);
  // What was sent unasked belongs to the wildcard: its version is told, it is not subscribed to by name.
  assert.deepEqual(hosts?.initialVersions, { "outbound/10.96.0.1:80": "1", "outbound/10.96.0.2:80": "1" });
  const [clusters] = subscriptions(2, "cluster");
  assert.deepEqual([...(clusters?.names ?? [])].sort(), ["*", "http|10.96.0.1:80"]);
  assert.equal(clusters?.initialVersions["http|10.96.0.2:80"], "1");
  assert.equal(subscriptions(2, "listener")[0]?.initialVersions.outbound, "1");
  assert.equal(subscriptions(2, "routes")[0]?.initialVersions.outbound, "1");
});

test("a server that then says nothing is enough: everything goes on, changes are taken", async () => {
  isSilent = true;
  const streams = sidecar.ads.events.filter((event) => event.kind === "stream").length;
  sidecar.ads.disconnect();
  await until(
    () => sidecar.ads.events.filter((event) => event.kind === "stream").length > streams,
    "a new stream",
  );
  await until(() => subscriptions(streams + 1, "endpoints").length > 0, "the subscriptions");
  for (const host of [1, 2, 4]) assert.equal(await get(host), 200);
  assert.equal(await sidecar.envoy.stat("listener_manager.listener_modified"), 0);
  await settle(sidecar.ads, [], [{ type: "virtualHost", name: "outbound/10.96.0.1:80" }]);
  assert.equal(await get(1), 404);
});
