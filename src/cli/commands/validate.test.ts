import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { Command } from "commander";
import { formatProblem } from "#sources/directory/collect-problems.ts";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";
import { register, validateFiles } from "./validate.ts";

const directory = join(import.meta.dirname, "../../sources/directory/testdata/bad");
const cases = goldenCases(directory, ".yaml");

async function problemsOf(...names: readonly string[]): Promise<string> {
  const { problems } = await validateFiles(names.map((name) => join(directory, name)));
  return problems.map((problem) => `${formatProblem(problem).replaceAll(`${directory}/`, "")}\n`).join("");
}

/** Runs the command with its output swallowed; returns output and exit code. */
async function run(...args: readonly string[]): Promise<{ readonly output: string; readonly code: unknown }> {
  const lines: string[] = [];
  const log = mock.method(console, "log", (line: string) => lines.push(line));
  try {
    const program = new Command();
    register(program);
    await program.parseAsync(["validate", ...args], { from: "user" });
    return { output: lines.join("\n"), code: process.exitCode };
  } finally {
    log.mock.restore();
    process.exitCode = undefined;
  }
}

describe("what is wrong with a file is said with file, line, object and field", () => {
  for (const golden of cases) {
    test(golden.name, async () => {
      assertGolden(golden.output(".problems.txt"), await problemsOf(`${golden.name}.yaml`));
    });
  }

  test("each expected text belongs to a file", () => {
    assertNoOrphans(
      directory,
      ".problems.txt",
      cases.map(({ name }) => name),
    );
  });
});

test("an object in two files is an error in the second, which names the first", async () => {
  const text = await problemsOf("duplicates-b.yaml", "duplicates-a.yaml");
  assert.match(text, /^duplicates-b\.yaml:2: error: is defined in .*duplicates-a\.yaml:1 already/mu);
});

test("JSON that does not parse is an error, JSON of other kinds is none of our business", async () => {
  assert.match(await problemsOf("broken.json"), /^broken\.json:4: error: this is no valid JSON/u);
  assert.equal(await problemsOf("package.json"), "");
});

test("a path that does not exist is an error", async () => {
  assert.equal(
    await problemsOf("none.yaml"),
    "none.yaml: error: there is no such file or directory; check the path\n",
  );
});

test("errors exit with 1, and the last line counts them", async () => {
  const { output, code } = await run(join(directory, "tabs.yaml"));
  assert.equal(code, 1);
  assert.match(output, /\n0 objects, 1 error, 0 warnings$/u);
});

test("warnings alone exit with 0", async () => {
  const { output, code } = await run(join(directory, "unsupported.yaml"));
  assert.equal(code, undefined);
  assert.match(output, /\n6 objects, 0 errors, \d+ warnings$/u);
});

test("-o json prints the problems as data", async () => {
  const { output } = await run(join(directory, "tabs.yaml"), "-o", "json");
  const [problem] = JSON.parse(output) as { severity: string; line: number }[];
  assert.equal(problem?.severity, "error");
  assert.equal(problem?.line, 4);
});

test("the example is without problems", async () => {
  const { problems } = await validateFiles([join(import.meta.dirname, "../../../examples/bookstore")]);
  assert.deepEqual(problems, []);
});
