import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createWorkQueue, type QueueClock } from "./work-queue.ts";

const never = new AbortController().signal;

/** Time that passes when it is told to. */
function manualClock(): QueueClock & { advance(durationMs: number): Promise<void> } {
  let now = 1_000_000;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => now,
    sleep: (durationMs) =>
      new Promise((wake) => {
        sleepers.add({ at: now + durationMs, wake });
      }),
    async advance(durationMs) {
      const end = now + durationMs;
      for (;;) {
        await nextTurn();
        const next = [...sleepers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        sleepers.delete(next);
        now = next.at;
        next.wake();
      }
      now = end;
    },
  };
}

test("a key that is asked for often is worked on once, and once more if it is asked for meanwhile", async () => {
  const done: string[] = [];
  const { promise: underWay, resolve: finish } = Promise.withResolvers<void>();
  const queue = createWorkQueue({
    signal: never,
    onFailure: () => {},
    work: async (key) => {
      done.push(key);
      await underWay;
    },
  });
  for (let i = 0; i < 10; i++) queue.add("a");
  queue.add("b");
  await nextTurn();
  queue.add("a");
  queue.add("a");
  assert.deepEqual(done, ["a", "b"]);
  finish();
  await nextTurn();
  assert.deepEqual(done, ["a", "b", "a"]);
});

test("what fails is tried again, and told once while it fails in the same way", async () => {
  const failures: string[] = [];
  const clock = manualClock();
  let tries = 0;
  const queue = createWorkQueue({
    signal: never,
    clock,
    onFailure: (key, error) => failures.push(`${key} ${String(error)}`),
    work: async () => {
      if (++tries < 3) throw new Error("conflict");
    },
  });
  queue.add("a");
  await clock.advance(300);
  assert.equal(tries, 1);
  await clock.advance(400);
  assert.equal(tries, 2);
  await clock.advance(1_300);
  assert.equal(tries, 3);
  assert.deepEqual(failures, ["a Error: conflict"]);
});

test("many keys at once are begun at the rate that was asked for, and none after the end", async () => {
  const ending = new AbortController();
  const clock = manualClock();
  let begun = 0;
  const queue = createWorkQueue({
    signal: ending.signal,
    onFailure: () => {},
    perSecond: 50,
    clock,
    work: async () => {
      begun++;
    },
  });
  for (let i = 0; i < 1_000; i++) queue.add(String(i));
  await clock.advance(0);
  assert.equal(begun, 50);
  await clock.advance(200);
  assert.equal(begun, 60);
  ending.abort();
  await clock.advance(1_000);
  assert.equal(begun, 60);
});
