import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "#model/kubernetes/configuration.ts";
import { virtualHostType } from "#xds/type-urls.ts";
import { parseDependencies, writeChanged } from "./dependencies-config-map.ts";
import { learnDependencies } from "./learned-dependencies.ts";

const host = (name: string) => ({ typeUrl: virtualHostType, name });

test("what workloads used is written when it has changed, and not when they use it again", async () => {
  const written: ConfigMap[] = [];
  const apply = (object: ConfigMap) => {
    written.push(object);
    return Promise.resolve(object);
  };
  const client = { apply: apply as never };
  const learned = learnDependencies();
  learned.used("shop/web", [host("mine")]);
  learned.learn({ "shop/web": [{ ...host("theirs"), lastUsed: Date.now() }] });
  let text = await writeChanged(client, learned, "");
  assert.deepEqual(
    parseDependencies(written[0]?.data?.["dependencies.json"] ?? "")["shop/web"]?.map(({ name }) => name),
    ["mine", "theirs"],
  );
  learned.used("shop/web", [host("mine")]);
  text = await writeChanged(client, learned, text);
  assert.equal(written.length, 1);
  learned.used("shop/web", [host("another")]);
  await writeChanged(client, learned, text);
  assert.equal(written.length, 2);
});
