import assert from "node:assert/strict";
import { test } from "node:test";
import { nextSteps, type Replica } from "./rollout.ts";

function pod(name: string, revision: string, options: Partial<Replica> = {}): Replica {
  return { name, revision, ready: true, terminating: false, ...options };
}

const deployment = {
  kind: "Deployment",
  name: "web",
  replicas: 2,
  revision: "new",
  backOffLimit: 0,
} as const;

test("a new Deployment starts all of its pods at once", () => {
  assert.deepEqual(nextSteps(deployment, []), { start: 2, startNamed: [], stop: [] });
});

test("pods of an old template are replaced one by one, each after a new one is ready", () => {
  const old = [pod("a", "old"), pod("b", "old")];
  assert.deepEqual(nextSteps(deployment, old), { start: 1, startNamed: [], stop: [] });
  const starting = pod("c", "new", { ready: false });
  assert.deepEqual(nextSteps(deployment, [...old, starting]), { start: 0, startNamed: [], stop: [] });
  assert.deepEqual(nextSteps(deployment, [...old, pod("c", "new")]).stop, ["a"]);
  const going = pod("a", "old", { terminating: true });
  assert.equal(nextSteps(deployment, [going, pod("b", "old"), pod("c", "new")]).start, 1);
  assert.deepEqual(nextSteps(deployment, [pod("c", "new"), pod("d", "new")]), {
    start: 0,
    startNamed: [],
    stop: [],
  });
});

test("old pods that do not serve make way at once, and those that serve stay until there is something better", () => {
  const steps = nextSteps(deployment, [
    pod("a", "older", { ready: false }),
    pod("b", "old"),
    pod("c", "old"),
  ]);
  assert.deepEqual(steps, { start: 1, startNamed: [], stop: ["a"] });
});

test("fewer replicas end pods that are not ready first", () => {
  const steps = nextSteps({ ...deployment, replicas: 1 }, [
    pod("a", "new"),
    pod("b", "new", { ready: false }),
  ]);
  assert.deepEqual(steps.stop, ["b"]);
});

test("a StatefulSet starts in order and is replaced from its end", () => {
  const set = { ...deployment, kind: "StatefulSet", name: "db" } as const;
  assert.deepEqual(nextSteps(set, []).startNamed, ["db-0"]);
  assert.deepEqual(nextSteps(set, [pod("db-0", "new", { ready: false })]).startNamed, []);
  assert.deepEqual(nextSteps(set, [pod("db-0", "new")]).startNamed, ["db-1"]);
  assert.deepEqual(nextSteps(set, [pod("db-0", "old"), pod("db-1", "old")]).stop, ["db-1"]);
  assert.deepEqual(nextSteps(set, [pod("db-0", "old"), pod("db-1", "new")]).stop, ["db-0"]);
});

test("a Job runs until it has succeeded, and no more often than its limit says", () => {
  const job = { ...deployment, kind: "Job", backOffLimit: 1 } as const;
  const failed = (name: string): Replica => pod(name, "new", { ready: false, ended: "Failed" });
  assert.equal(nextSteps(job, []).start, 1);
  assert.equal(nextSteps(job, [failed("a")]).start, 1);
  assert.equal(nextSteps(job, [failed("a"), failed("b")]).start, 0);
  assert.equal(nextSteps(job, [failed("a"), pod("b", "new", { ended: "Succeeded" })]).start, 0);
});
