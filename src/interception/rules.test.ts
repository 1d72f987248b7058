import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";
import { type Interception, interceptEverything, interceptionRules } from "./rules.ts";

const testdata = join(import.meta.dirname, "testdata");
const cases = goldenCases(testdata);

for (const golden of cases) {
  test(`rules that capture ${golden.name.replaceAll("-", " ")}`, () => {
    const wishes = parse(golden.text) as Partial<Interception>;
    const rules = interceptionRules({ ...interceptEverything, ...wishes });
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
