import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldLines, parseDocument, splitDocuments } from "./yaml.ts";

function valueOf(text: string): unknown {
  const parsed = parseDocument(text);
  assert.equal(parsed.kind, "value");
  return parsed.kind === "value" ? parsed.value : undefined;
}

test("scalars are read as the API server reads them", () => {
  assert.deepEqual(
    valueOf('{a: yes, b: off, c: 0644, d: "0644", e: 1e3, f: 2020-01-01, g: y, h: 0x10, i: ~}'),
    {
      a: true,
      b: false,
      c: 0o644,
      d: "0644",
      e: 1000,
      f: "2020-01-01",
      g: "y",
      h: 16,
      i: null,
    },
  );
});

test("anchors, aliases and merges work", () => {
  assert.deepEqual(valueOf("a: &x {k: 1}\nb: *x\nc: {<<: *x, l: 2}"), {
    a: { k: 1 },
    b: { k: 1 },
    c: { k: 1, l: 2 },
  });
});

test("documents are split at their markers, not inside of texts", () => {
  const text = "# first\na: |\n  ---\n  b\n---\nc: 1\n--- # third\n...\n---\nd: 1";
  const documents = splitDocuments(text);
  assert.deepEqual(
    documents.map(({ text: part, line }) => [line, valueOf(part) ?? undefined]),
    [
      [1, { a: "---\nb\n" }],
      [5, { c: 1 }],
      [7, undefined],
      [8, undefined],
      [9, { d: 1 }],
    ],
  );
  assert.equal(documents.map((document) => document.text).join(""), text);
});

test("a syntax error has its line", () => {
  assert.deepEqual(parseDocument("a: 1\n\tb: 2\n"), {
    kind: "broken",
    reason: "tab characters must not be used in indentation",
    line: 2,
  });
});

test("each field has its line, also in flow style; a missing one that of what it would be in", () => {
  const lines = fieldLines(
    '---\na:\n  - b: 1\n    "c.d":\n      {e: 1,\n       f: 2}\n  - *x\ng: &x h\n'.replace("*x", "z"),
  );
  assert.deepEqual(
    [
      ["a"],
      ["a", 0, "b"],
      ["a", 0, "c.d"],
      ["a", 0, "c.d", "f"],
      ["a", 1],
      ["g"],
      ["a", 0, "none", "x"],
      ["none"],
    ].map(lines),
    [2, 3, 4, 6, 7, 8, 3, 2],
  );
});
