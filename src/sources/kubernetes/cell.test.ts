import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "#collections/graph.ts";
import type { Problem } from "#model/reference.ts";
import { openCell } from "./cell.ts";
import type { ReadStored } from "./stored-object.ts";

function setUp() {
  const graph = new Graph();
  const problems = graph.source<Problem>("problems");
  const cell = openCell(graph, "HTTPRoute", problems);
  const changes: string[] = [];
  cell.objects.onChange((batch) =>
    changes.push(...batch.map(({ key, before, after }) => `${key}: ${uid(before)} -> ${uid(after)}`)),
  );
  return {
    cell,
    problems: () => [...problems.entries()].map(([, { message }]) => message),
    changes: () => {
      graph.settle();
      return changes.splice(0).sort();
    },
  };
}

function uid(object: { readonly metadata: { readonly uid?: string } } | undefined): string {
  return object?.metadata.uid ?? "none";
}

function good(name: string, version: string, ...messages: string[]): ReadStored {
  return {
    object: { apiVersion: "v1", kind: "HTTPRoute", metadata: { name, uid: version } },
    problems: messages.map((message) => ({ severity: "warning", message })),
  };
}

function refused(message: string): ReadStored {
  return { object: undefined, problems: [{ severity: "error", message }] };
}

test("taking all again changes exactly what differs", () => {
  const { cell, changes } = setUp();
  cell.replace(
    new Map([
      ["a", good("a", "1")],
      ["b", good("b", "1")],
      ["c", good("c", "1")],
    ]),
  );
  assert.deepEqual(changes(), ["a: none -> 1", "b: none -> 1", "c: none -> 1"]);
  cell.replace(
    new Map([
      ["d", good("d", "1")],
      ["b", good("b", "2")],
      ["a", good("a", "1")],
    ]),
  );
  assert.deepEqual(changes(), ["b: 1 -> 2", "c: 1 -> none", "d: none -> 1"]);
  cell.replace(new Map());
  assert.deepEqual(changes(), ["a: 1 -> none", "b: 2 -> none", "d: 1 -> none"]);
});

test("a refused object keeps its last good version and is told, also when all is taken again", () => {
  const { cell, changes, problems } = setUp();
  cell.change("a", good("a", "1"));
  cell.change("a", refused("bad"));
  cell.replace(
    new Map([
      ["a", refused("bad")],
      ["b", refused("never good")],
    ]),
  );
  assert.deepEqual(changes(), ["a: none -> 1"]);
  assert.deepEqual(problems(), ["bad", "never good"]);
  cell.replace(new Map());
  assert.deepEqual(changes(), ["a: 1 -> none"]);
  assert.deepEqual(problems(), []);
});

test("problems go one by one as they are corrected", () => {
  const { cell, problems } = setUp();
  cell.change("a", good("a", "1", "first", "second"));
  cell.change("a", good("a", "2", "second"));
  assert.deepEqual(problems(), ["second"]);
  cell.change("a", good("a", "3"));
  assert.deepEqual(problems(), []);
});
