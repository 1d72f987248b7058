/** What has changed between two JSON values, as a JSON Patch: https://www.rfc-editor.org/rfc/rfc6902 */
import { isDeepStrictEqual } from "node:util";
import { isJsonObject } from "#model/json.ts";

export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/**
 * The operations that make `after` of `before`: as deep as they go, so that a patch is small. Items of lists are
 * recognised by their `name`.
 */
export function patchOf(before: unknown, after: unknown, path = ""): readonly PatchOperation[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isJsonObject(before) && isJsonObject(after)) return ofObjects(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(before, after, path);
  return [{ op: "replace", path, value: after }];
}

type JsonObject = Readonly<Record<string, unknown>>;

function ofObjects(before: JsonObject, after: JsonObject, path: string): readonly PatchOperation[] {
  const at = (key: string) => `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const removed = Object.keys(before).filter((key) => before[key] !== undefined && after[key] === undefined);
  const kept = Object.keys(after).filter((key) => after[key] !== undefined);
  return [
    ...removed.map((key): PatchOperation => ({ op: "remove", path: at(key) })),
    ...kept.flatMap((key): readonly PatchOperation[] =>
      before[key] === undefined
        ? [{ op: "add", path: at(key), value: after[key] }]
        : patchOf(before[key], after[key], at(key)),
    ),
  ];
}

/** Items that were there must still be there, in their order; else the list is replaced. */
function ofLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): readonly PatchOperation[] {
  const operations: PatchOperation[] = [];
  let matched = 0;
  for (const [index, item] of after.entries()) {
    if (matched < before.length && isSame(before[matched], item)) {
      operations.push(...patchOf(before[matched], item, `${path}/${index}`));
      matched++;
    } else operations.push({ op: "add", path: `${path}/${index}`, value: item });
  }
  return matched === before.length ? operations : [{ op: "replace", path, value: after }];
}

function isSame(before: unknown, after: unknown): boolean {
  return isJsonObject(before) && isJsonObject(after) && before["name"] !== undefined
    ? before["name"] === after["name"]
    : isDeepStrictEqual(before, after);
}
