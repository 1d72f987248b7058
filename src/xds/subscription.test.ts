import assert from "node:assert/strict";
import test from "node:test";
import { type Interest, Subscription } from "./subscription.ts";

interface Case {
  /** A sentence of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol, in our words. */
  readonly sentence: string;
  readonly requests: readonly Partial<Interest>[];
  /** What the client is known to have before the last request. */
  readonly held?: Readonly<Record<string, string>>;
  readonly wildcard?: boolean;
  readonly names?: readonly string[];
  readonly heldAfter?: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  {
    sentence: "a first request without names subscribes to everything",
    requests: [{}],
    wildcard: true,
  },
  {
    sentence: "an ACK without names after that changes nothing",
    requests: [{}, {}],
    wildcard: true,
  },
  {
    sentence: "a name added to it leaves the subscription to everything as it is",
    requests: [{}, { subscribe: ["a"] }],
    wildcard: true,
    names: ["a"],
  },
  {
    sentence: "the name * subscribes to everything, beside single names",
    requests: [{}, { subscribe: ["*", "a"] }],
    wildcard: true,
    names: ["a"],
  },
  {
    sentence: "a request without names after explicit names is no subscription to everything",
    requests: [{ subscribe: ["a"] }, { unsubscribe: ["a"] }, {}],
  },
  {
    sentence: "a subscription to everything that was never named ends by unsubscribing from *",
    requests: [{}, { subscribe: ["a"] }, { unsubscribe: ["*"] }],
    names: ["a"],
  },
  {
    sentence: "unsubscribing from * leaves the single names",
    requests: [{ subscribe: ["*", "a"] }, { unsubscribe: ["*"] }],
    names: ["a"],
  },
  {
    sentence:
      "a name is subscribed to once, however often it is asked for, and the latest asked for is the last",
    requests: [{ subscribe: ["a", "b"] }, { subscribe: ["a"] }],
    names: ["b", "a"],
  },
  {
    sentence: "a resource subscribed to again must be sent even if the client has the latest",
    requests: [{ subscribe: ["a", "b"] }, { subscribe: ["a"] }],
    held: { a: "1", b: "1" },
    names: ["b", "a"],
    heldAfter: { b: "1" },
  },
  {
    sentence: "the first request says what the client has kept from an earlier stream",
    requests: [{ subscribe: ["a", "b"], initialVersions: { a: "1", c: "2" } }],
    names: ["a", "b"],
    heldAfter: { a: "1", c: "2" },
  },
  {
    sentence: "initial versions count in the first request only",
    requests: [{ subscribe: ["a"] }, { initialVersions: { a: "1" } }],
    names: ["a"],
  },
  {
    sentence: "a name unsubscribed from is forgotten, without an answer",
    requests: [{ subscribe: ["a", "b"] }, { unsubscribe: ["a"] }],
    held: { a: "1", b: "1" },
    names: ["b"],
    heldAfter: { b: "1" },
  },
  {
    sentence:
      "a name unsubscribed from beside * must be answered, for the client cannot know whether * covers it",
    requests: [{ subscribe: ["*", "a"] }, { unsubscribe: ["a"] }],
    held: { a: "1" },
    wildcard: true,
    heldAfter: { a: "?" },
  },
  {
    sentence: "unsubscribing from what was not subscribed to changes nothing",
    requests: [{ subscribe: ["a"] }, { unsubscribe: ["b"] }],
    held: { a: "1" },
    names: ["a"],
    heldAfter: { a: "1" },
  },
];

const empty: Interest = { subscribe: [], unsubscribe: [], initialVersions: {} };

for (const each of cases)
  test(each.sentence, () => {
    const subscription = new Subscription();
    each.requests.forEach((request, at) => {
      if (at === each.requests.length - 1)
        for (const [name, version] of Object.entries(each.held ?? {})) subscription.held.set(name, version);
      subscription.apply({ ...empty, ...request });
    });
    assert.equal(subscription.wildcard, each.wildcard ?? false);
    assert.deepEqual([...subscription.names], each.names ?? []);
    assert.deepEqual(Object.fromEntries(subscription.held), each.heldAfter ?? {});
  });

test("a request tells which names are new, dropped and asked for", () => {
  const subscription = new Subscription();
  subscription.apply({ ...empty, subscribe: ["a", "b"] });
  const change = subscription.apply({ ...empty, subscribe: ["b", "c", "*"], unsubscribe: ["a", "x"] });
  assert.deepEqual(change, { added: ["c"], dropped: ["a"], asked: ["b", "c"] });
});
