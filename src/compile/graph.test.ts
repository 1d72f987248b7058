import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as yaml from "js-yaml";
import { Graph } from "#collections/graph.ts";
import { assertGolden, assertNoOrphans, goldenCases } from "#test/helpers/golden.ts";
import { testObjects } from "#test/helpers/objects.ts";
import { readViews } from "#test/helpers/views.ts";
import { compileMesh } from "./graph.ts";

const testdata = fileURLToPath(new URL("testdata", import.meta.url));

suite("API objects become views", () => {
  const cases = goldenCases(testdata);
  for (const golden of cases) {
    test(golden.name.replaceAll("-", " "), () => {
      const graph = new Graph();
      const { objects, put } = testObjects(graph);
      const mesh = compileMesh(graph, objects);
      put(golden.text);
      const views = readViews(graph, mesh);
      assertGolden(golden.output(".out.yaml"), yaml.dump(views, { noRefs: true, lineWidth: 110 }));
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
