import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterType, virtualHostType } from "#xds/type-urls.ts";
import { formatDependencies, parseDependencies } from "./dependencies-config-map.ts";
import { learnDependencies } from "./learned-dependencies.ts";

const day = 24 * 60 * 60 * 1000;
const start = 20_000 * day;
const host = (name: string) => ({ typeUrl: virtualHostType, name });

test("what was used last comes first, little is kept, and what is old is forgotten", () => {
  let now = start;
  const learned = learnDependencies({ capacity: 3, now: () => now });
  for (const name of ["a", "b", "c", "d"]) {
    learned.used("shop/web", [host(name)]);
    now++;
  }
  learned.used("shop/web", [host("b")]);
  assert.deepEqual(
    learned.namesFor("shop/web").map(({ name }) => name),
    ["b", "d", "c"],
  );
  now = start + 8 * day;
  assert.deepEqual(learned.namesFor("shop/web"), []);
  assert.deepEqual(learned.uses(), {});
});

test("what others learned is added, and the later use counts", () => {
  const learned = learnDependencies({ now: () => start + 10 });
  learned.used("shop/web", [host("a")]);
  learned.learn({
    "shop/web": [
      { ...host("a"), lastUsed: start },
      { ...host("b"), lastUsed: start + 20 },
    ],
    "shop/other": [{ ...host("c"), lastUsed: start }],
  });
  assert.deepEqual(
    learned.namesFor("shop/web").map(({ name }) => name),
    ["b", "a"],
  );
  assert.equal(learned.namesFor("shop/other").length, 1);
});

test("the ConfigMap's text changes only with names and days, and is read back", () => {
  const at = (milliseconds: number) => {
    const learned = learnDependencies({ now: () => start + milliseconds });
    learned.used("shop/web", [host("b"), host("a"), { typeUrl: clusterType, name: "tcp|10.0.0.1:1" }]);
    return learned.uses();
  };
  const text = formatDependencies(at(0));
  assert.equal(formatDependencies(at(60_000)), text);
  assert.notEqual(formatDependencies(at(day)), text);
  assert.deepEqual(
    parseDependencies(text)["shop/web"]?.map(({ name, lastUsed }) => [name, lastUsed]),
    [
      ["tcp|10.0.0.1:1", start],
      ["a", start],
      ["b", start],
    ],
  );
  assert.deepEqual(parseDependencies("{"), {});
});

test("the text of a large mesh stays below its limit, without what was used longest ago", () => {
  const uses = Object.fromEntries(
    Array.from({ length: 200 }, (_, workload) => [
      `shop/workload-${workload}`,
      Array.from({ length: 50 }, (_unused, index) => ({
        ...host(`outbound/10.96.${workload}.${index}:80`),
        lastUsed: start + (workload % 7) * day,
      })),
    ]),
  );
  const text = formatDependencies(uses, 100_000);
  assert.ok(text.length <= 100_000 && text.length > 90_000, `${text.length} bytes`);
  const days = Object.values(parseDependencies(text)).flatMap((all) => all.map(({ lastUsed }) => lastUsed));
  assert.ok(Math.min(...days) >= start + 4 * day);
});
