// Istio's samples as Istio publishes them: with its Go module, which Go fetches into its cache. Nothing of them is here.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { moduleDirectory } from "#sources/schema/published.ts";

const ISTIO = "istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad";

/** What stands in for their images. */
export const SAMPLE_IMAGES = join(import.meta.dirname, "heddle-images.yaml");
/** The directory of the stand-ins. */
export const SAMPLE_APPS = join(import.meta.dirname, "apps");

let directory: string | undefined;

/** Where a file of the samples is, such as `bookinfo/platform/kube/bookinfo.yaml`. */
export function samplePath(path: string): string {
  directory ??= join(moduleDirectory(ISTIO), "samples");
  return join(directory, path);
}

export function sample(path: string): string {
  return readFileSync(samplePath(path), "utf8");
}
