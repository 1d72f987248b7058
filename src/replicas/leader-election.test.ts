import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { KubernetesError } from "#kubernetes/client.ts";
import { electLeader, type LeaderElection } from "./leader-election.ts";

// The lease is long beside the rest, so that a machine that is busy for a while does not look like waiting for its end.
const timings = { leaseMs: 4_000, renewWithinMs: 400, retryMs: 20 };

/** An API server that has one lease, and may be away. */
function leaseServer() {
  let lease: { metadata: { resourceVersion: string }; spec: Record<string, unknown> } | undefined;
  let version = 0;
  const state = { away: false };
  const request = async (method: string, _path: string, options: { body?: typeof lease } = {}) => {
    await sleep(1);
    if (state.away) throw new KubernetesError(0, "ECONNREFUSED", "away");
    if (method === "GET") {
      if (lease === undefined) throw new KubernetesError(404, "NotFound", "no lease");
      return lease;
    }
    const { body } = options;
    const isCurrent = body?.metadata.resourceVersion === lease?.metadata.resourceVersion;
    if (body === undefined || !isCurrent || (method === "POST" && lease !== undefined))
      throw new KubernetesError(409, "Conflict", "another was faster");
    lease = { ...body, metadata: { ...body.metadata, resourceVersion: String(++version) } };
    return lease;
  };
  return {
    state,
    spec: () => lease?.spec,
    /** Somebody has the lease, who is seen no more. */
    hold: (spec: Record<string, unknown>) => {
      lease = { metadata: { resourceVersion: String(++version) }, spec };
    },
    client: { request: request as <T>() => Promise<T> },
  };
}

/** Replicas that stand for election; `leaders` is who leads. */
function replicas(server: ReturnType<typeof leaseServer>, names: readonly string[]) {
  const leaders = new Set<string>();
  let most = 0;
  const elections = new Map<string, LeaderElection>(
    names.map((identity) => [
      identity,
      electLeader({
        client: server.client,
        identity,
        timings,
        onFailure: () => {},
        lead: (signal) => {
          leaders.add(identity);
          most = Math.max(most, leaders.size);
          signal.addEventListener("abort", () => leaders.delete(identity));
        },
      }),
    ]),
  );
  return { elections, leaders, most: () => most };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "it does not come");
    await sleep(5);
  }
}

// Most of their time is waiting.
describe("an election", { concurrency: true }, () => {
  test("of those that start together one leads, and when it ends another does at once", async () => {
    const server = leaseServer();
    const { elections, leaders, most } = replicas(server, ["a", "b", "c"]);
    await until(() => leaders.size === 1);
    await sleep(100);
    const [first = ""] = leaders;
    assert.equal(elections.get(first)?.leads(), true);
    const began = performance.now();
    await elections.get(first)?.release();
    assert.equal(server.spec()?.["holderIdentity"] === first, false);
    await until(() => leaders.size === 1);
    assert.ok(performance.now() - began < timings.leaseMs / 2);
    assert.ok(!leaders.has(first));
    assert.equal(most(), 1);
    for (const election of elections.values()) await election.release();
    assert.equal(server.spec()?.["holderIdentity"], "");
  });

  test("a leader that cannot renew stops before another may begin", async () => {
    const server = leaseServer();
    const { elections, leaders, most } = replicas(server, ["a", "b"]);
    await until(() => leaders.size === 1);
    server.state.away = true;
    const began = performance.now();
    await until(() => leaders.size === 0);
    assert.ok(performance.now() - began < timings.leaseMs / 2);
    server.state.away = false;
    await until(() => leaders.size === 1);
    assert.equal(most(), 1);
    for (const election of elections.values()) await election.release();
  });

  test("a lease is taken when nobody has changed it for its duration, whatever time its holder has written", async () => {
    for (const renewTime of ["2001-01-01T00:00:00.000000Z", "2101-01-01T00:00:00.000000Z"]) {
      const server = leaseServer();
      server.hold({ holderIdentity: "gone", leaseDurationSeconds: 0.3, renewTime });
      const { elections, leaders } = replicas(server, ["a"]);
      const began = performance.now();
      await until(() => leaders.has("a"));
      assert.ok(performance.now() - began >= 290, "it was taken too early");
      assert.equal(server.spec()?.["leaseTransitions"], 1);
      for (const election of elections.values()) await election.release();
    }
  });
});
