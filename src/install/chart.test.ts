import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaultInjectionSettings, imagesOf } from "#injector/settings.ts";
import { chartFiles } from "./chart.ts";

const root = join(import.meta.dirname, "..", "..");
const chart = join(root, "charts", "heddle");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
};

test("the chart is what the manifests make of it; node scripts/write-chart.ts writes it anew", () => {
  const files = chartFiles(version);
  assert.deepEqual(globSync("**/*.*", { cwd: chart }).sort(), [...files.keys()].sort());
  for (const [path, text] of files) assert.equal(readFileSync(join(chart, path), "utf8"), text, path);
});

test("the injector's images are those of this version", () => {
  const { controlPlaneImage, proxyImage } = defaultInjectionSettings;
  assert.deepEqual({ controlPlaneImage, proxyImage }, imagesOf(version));
});

test("every placeholder has become a value", () => {
  for (const [path, text] of chartFiles(version)) assert.doesNotMatch(text, /heddle-chart-|98765432/, path);
});
