import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type KubernetesClient,
  KubernetesError,
  type RequestOptions,
  type WatchEvent,
} from "#kubernetes/client.ts";
import { backoff, reflect, type StoredObject } from "./reflector.ts";

type Query = Readonly<Record<string, string>>;
type Answer = { readonly version: string; readonly names: readonly string[]; readonly continue?: string };

function object(name: string, resourceVersion: string): StoredObject {
  return { metadata: { name, resourceVersion } };
}

const expired = new KubernetesError(410, "Expired", "too old resource version");

/** What a server answers, in order; then the reflector is ended. Returns what it asked and what it made of it. */
async function follow(script: {
  readonly lists: readonly (Answer | Error)[];
  readonly watches: readonly (readonly (WatchEvent<StoredObject> | Error)[])[];
}) {
  const lists = [...script.lists];
  const watches = [...script.watches];
  const asked: string[] = [];
  const told: string[] = [];
  const picture = new Map<string, string>();
  const ending = new AbortController();
  const record = (verb: string, { limit = "-", resourceVersion = "-", continue: token = "-" }: Query) =>
    asked.push(verb === "list" ? `list ${limit} ${token}` : `watch ${resourceVersion}`);
  const client = {
    request: async (_method: string, _path: string, { query = {} }: RequestOptions = {}) => {
      record("list", query);
      const answer = lists.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? expired;
      return {
        metadata: { resourceVersion: answer.version, continue: answer.continue ?? "" },
        items: answer.names.map((name) => object(name, answer.version)),
      };
    },
    watch: async (_path: string, { query = {} }: RequestOptions) => {
      const events = watches.shift() ?? [];
      record("watch", query);
      return (async function* () {
        for (const event of events) {
          if (event instanceof Error) throw event;
          yield event;
        }
        if (watches.length === 0) ending.abort();
      })();
    },
  } as unknown as KubernetesClient;
  await reflect(
    client,
    {
      path: async () => "/api/v1/things",
      keep: ({ metadata }) => metadata.resourceVersion,
      replace: (objects) => {
        told.push(`all ${[...objects.keys()].join(" ")}`);
        picture.clear();
        for (const [key, value] of objects) picture.set(key, value);
      },
      change: (key, value) => {
        told.push(`${value === undefined ? "gone" : "put"} ${key}`);
        if (value === undefined) picture.delete(key);
        else picture.set(key, value);
      },
      onState: (error) => error !== undefined && told.push(error.message),
    },
    ending.signal,
  );
  return { asked, told, picture };
}

describe("a reflector", { concurrency: true }, () => {
  test("it lists in pages, tells all at once, and watches from the version of the list", async () => {
    const { asked, told } = await follow({
      lists: [
        { version: "7", names: ["a", "b"], continue: "more" },
        { version: "7", names: ["c"] },
      ],
      watches: [[{ type: "ADDED", object: object("d", "8") }]],
    });
    assert.deepEqual(asked, ["list 500 -", "list 500 more", "watch 7"]);
    assert.deepEqual(told, ["all a b c", "put d"]);
  });

  test("a watch that ends or breaks goes on from the last version, which bookmarks advance too", async () => {
    const { asked, told } = await follow({
      lists: [{ version: "7", names: ["a"] }],
      watches: [
        [{ type: "MODIFIED", object: object("a", "8") }],
        [
          { type: "BOOKMARK", object: { metadata: { resourceVersion: "20" } } },
          new KubernetesError(0, "ECONNRESET", "closed"),
        ],
        [{ type: "DELETED", object: object("a", "21") }],
      ],
    });
    assert.deepEqual(asked, ["list 500 -", "watch 7", "watch 8", "watch 20"]);
    assert.deepEqual(told, ["all a", "put a", "closed", "gone a"]);
  });

  test("an expired version is no fault: everything is listed again", async () => {
    const { asked, told, picture } = await follow({
      lists: [
        { version: "7", names: ["a", "b"] },
        { version: "90", names: ["b", "c"] },
      ],
      watches: [[expired], []],
    });
    assert.deepEqual(asked, ["list 500 -", "watch 7", "list 500 -", "watch 90"]);
    assert.deepEqual(told, ["all a b", "all b c"]);
    assert.deepEqual([...picture.keys()], ["b", "c"]);
  });

  test("when a list takes longer than the server keeps its version, the next one is in one piece", async () => {
    const { asked, told } = await follow({
      lists: [{ version: "7", names: ["a"], continue: "more" }, expired, { version: "9", names: ["a", "b"] }],
      watches: [[]],
    });
    assert.deepEqual(asked, ["list 500 -", "list 500 more", "list - -", "watch 9"]);
    assert.deepEqual(told, ["too old resource version", "all a b"]);
  });

  test("versions that go back mean that the server's data were restored: everything is listed again", async () => {
    const { asked } = await follow({
      lists: [
        { version: "1000", names: ["a"] },
        { version: "400", names: ["b"] },
      ],
      watches: [[{ type: "BOOKMARK", object: { metadata: { resourceVersion: "399" } } }], []],
    });
    assert.deepEqual(asked, ["list 500 -", "watch 1000", "list 500 -", "watch 400"]);
  });

  test("a list that fails tells nothing but the error, and is tried again", async () => {
    const { told } = await follow({
      lists: [
        { version: "7", names: ["a"], continue: "more" },
        new KubernetesError(403, "Forbidden", "things is forbidden"),
        { version: "8", names: ["a", "b"] },
      ],
      watches: [[]],
    });
    assert.deepEqual(told, ["things is forbidden", "all a b"]);
  });

  test("delays double up to ten seconds and differ between those who wait", () => {
    assert.deepEqual(
      [0, 1, 2, 10, 100].map((failures) => backoff(failures, 1)),
      [200, 400, 800, 10_000, 10_000],
    );
    assert.equal(backoff(2, 0), 400);
  });
});
