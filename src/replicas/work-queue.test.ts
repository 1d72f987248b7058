import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "#test/helpers/wait.ts";
import { createWorkQueue } from "./work-queue.ts";

const never = new AbortController().signal;

test("a key that is asked for often is worked on once, and once more if it is asked for meanwhile", async () => {
  const done: string[] = [];
  const queue = createWorkQueue({
    signal: never,
    onFailure: () => {},
    work: async (key) => {
      done.push(key);
      await sleep(10);
    },
  });
  for (let i = 0; i < 10; i++) queue.add("a");
  queue.add("b");
  await sleep(5);
  queue.add("a");
  queue.add("a");
  await sleep(50);
  assert.deepEqual(done, ["a", "b", "a"]);
});

test("what fails is tried again, and told once while it fails in the same way", async () => {
  const failures: string[] = [];
  let tries = 0;
  const queue = createWorkQueue({
    signal: never,
    onFailure: (key, error) => failures.push(`${key} ${String(error)}`),
    work: async () => {
      if (++tries < 3) throw new Error("conflict");
    },
  });
  queue.add("a");
  await until(() => tries === 3, "the third try");
  assert.deepEqual(failures, ["a Error: conflict"]);
});

test("many keys at once are begun at the rate that was asked for, and none after the end", async () => {
  const ending = new AbortController();
  let begun = 0;
  const queue = createWorkQueue({
    signal: ending.signal,
    onFailure: () => {},
    perSecond: 50,
    work: async () => {
      begun++;
    },
  });
  for (let i = 0; i < 1_000; i++) queue.add(String(i));
  await sleep(200);
  assert.ok(begun >= 50 && begun <= 75, `${begun} were begun`);
  ending.abort();
  const before = begun;
  await sleep(100);
  assert.equal(begun, before);
});
