import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";
import { formatRange, mergeRanges, parseRange } from "./ranges.ts";
import { type Interception, interceptEverything, interceptionRules } from "./rules.ts";

const testdata = join(import.meta.dirname, "testdata");
const cases = goldenCases(testdata);

for (const golden of cases) {
  test(`rules that capture ${golden.name.replaceAll("-", " ")}`, () => {
    const read = parse(golden.text, (key, value: unknown) =>
      String(key).endsWith("Ranges") ? (value as string[]).map(range) : value,
    );
    const rules = interceptionRules({ ...interceptEverything, ...(read as Partial<Interception>) });
    assertGolden(golden.output(".out.nft"), rules);
  });
}

test("every golden file of the rules has its input", () => {
  assertNoOrphans(
    testdata,
    ".out.nft",
    cases.map(({ name }) => name),
  );
});

test("a range is written with its fixed bits alone", () => {
  assert.equal(written("10.1.2.3/8"), "10.0.0.0/8");
  assert.equal(written("192.168.1.5"), "192.168.1.5/32");
  assert.equal(written("255.255.255.255/1"), "128.0.0.0/1");
  assert.equal(written("1.2.3.4/0"), "0.0.0.0/0");
});

test("what is no range of IPv4 addresses is none", () => {
  for (const text of [
    "",
    "10.0.0",
    "10.0.0.0/33",
    "256.0.0.1",
    "10.0.0.0/",
    "fd00::/8",
    "example.org",
    "*",
  ]) {
    assert.equal(parseRange(text), undefined, text);
  }
});

test("ranges within others disappear, whatever their order", () => {
  const merged = mergeRanges(
    ["10.1.0.0/16", "192.0.2.1", "10.0.0.0/8", "10.0.0.0/8", "192.0.2.1/32"].map(range),
  );
  assert.deepEqual(merged.map(formatRange), ["10.0.0.0/8", "192.0.2.1/32"]);
});

function written(text: string): string {
  return formatRange(range(text));
}

function range(text: string) {
  return parseRange(text) ?? assert.fail(`${text} is no range`);
}
