import { dump } from "js-yaml";
import type { Manifest } from "./object.ts";

/** Objects as one stream of YAML documents. Long lines stay whole, and nothing is an alias. */
export function toYaml(objects: readonly Manifest[]): string {
  return objects.map((object) => `---\n${dump(object, { lineWidth: -1, noRefs: true })}`).join("");
}
