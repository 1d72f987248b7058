import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as yaml from "js-yaml";
import { toEnvoyYaml } from "#test/helpers/envoy-json.ts";
import { messagesOf, type ViewFixture } from "#test/helpers/envoy-views.ts";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";

const testdata = fileURLToPath(new URL("testdata", import.meta.url));

suite("views become Envoy messages", () => {
  const cases = goldenCases(testdata);
  for (const golden of cases) {
    test(golden.name.replaceAll("-", " "), () => {
      const messages = messagesOf(yaml.load(golden.text) as ViewFixture);
      const documents = messages.map(({ schema, message }) => toEnvoyYaml(schema, message));
      assertGolden(golden.output(".out.yaml"), documents.join("---\n"));
    });
  }
  test("every output has an input", () => {
    assertNoOrphans(
      testdata,
      ".out.yaml",
      cases.map((golden) => golden.name),
    );
  });
});
