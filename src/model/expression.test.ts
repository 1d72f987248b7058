import assert from "node:assert/strict";
import { test } from "node:test";
import { isExpression, literally } from "./expression.ts";

test("expressions of RE2 are told from those that it refuses", () => {
  const good = [
    ".*",
    "/a(b|c)?/[^/]+",
    String.raw`\d+\.\w{2,1000}`,
    "(?i)abc",
    "(?P<name>a)",
    "(?:a)",
    "[(?=]",
    String.raw`[\]a]`,
    String.raw`\pL\x{1F}\_`,
    String.raw`\Qa(\E`,
    "[[:alpha:]]",
    "[]a]",
    String.raw`\12`,
    String.raw`\\1`,
    "a{x",
    "v2",
  ];
  const bad = [
    "(",
    "[",
    "*",
    "a**",
    ")",
    "/a(?=b).*",
    "(?!a)",
    "(?<=a)b",
    "(?<!a)b",
    "(?>a)",
    String.raw`(a)\1`,
    String.raw`\k<a>`,
    String.raw`a\Z`,
    String.raw`\e`,
    String.raw`\E`,
    "a{1001}",
    "a{2,5000}",
  ];
  assert.deepEqual(
    good.filter((text) => !isExpression(text)),
    [],
  );
  assert.deepEqual(bad.filter(isExpression), []);
});

test("a text is itself as an expression, whatever is in it", () => {
  const text = String.raw`a.b*c[d](e){f}^$|\?+`;
  assert.ok(isExpression(literally(text)) && new RegExp(`^${literally(text)}$`).test(text));
});

test("expressions of RE2 have its bounds, and those of a proxy", () => {
  const good = [
    "(a{30}){30}",
    ".{1000}",
    "[^/]{1,800}",
    String.raw`\p{Greek}[\n-\r]`,
    "(".repeat(999) + ")".repeat(999),
  ];
  const bad = [
    "",
    "(a{32}){32}",
    "((a{20}){20}){20}",
    "a{2,1}",
    "[b-a]",
    "[[:foo:]]",
    String.raw`\p{Foo}`,
    String.raw`[\8]`,
    String.raw`\x{110000}`,
    "(?P<a",
    "(?x)a",
    "(".repeat(20_000),
    "x".repeat(40_000),
  ];
  assert.deepEqual(
    good.filter((text) => !isExpression(text)),
    [],
  );
  assert.deepEqual(bad.filter(isExpression), []);
});
