// Runs the tests, and sums up. `npm test` runs all; words choose: the name of a group, or a part of a file's path.
// `npm test -- unit`, `npm test -- local routing`. With KUBECONFIG or `--context=NAME` the tests that need Kubernetes
// run on that cluster.
import { globSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { holdCluster } from "#test/helpers/cluster.ts";

interface Group {
  readonly name: string;
  readonly files: readonly string[];
  /** Test files that run at a time. */
  readonly concurrency: number;
  /** For one test. */
  readonly timeoutMs: number;
  /** Run in this process, one after the other: most of the time of a small file is its start. */
  readonly together?: true;
  /** What its tests share, which they find by the environment of this process. */
  readonly start?: () => Promise<() => Promise<void>>;
}

/** Groups that run one after the other. */
type Lane = readonly Group[];

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const files = globSync("{src,test,bench,examples,scripts,packages/envoy-api}/**/*.test.ts", {
  exclude: ["**/node_modules/**", "**/gen/**"],
}).toSorted();

function inside(folder: string): readonly string[] {
  return files.filter((file) => file.startsWith(folder));
}

const contract = inside("test/envoy-contract/");
const apiServer = inside("test/api-server/");
const local = inside("test/local/");
const cluster = inside("test/cluster/");
const balancer = inside("test/balancer/");
const elsewhere = new Set([...contract, ...apiServer, ...local, ...cluster, ...balancer]);
const unit = files.filter((file) => !elsewhere.has(file));

/** One stage after the other; the lanes of one run side by side, for their tests wait more than they compute. */
const stages: readonly (readonly Lane[])[] = [
  [[{ name: "unit", files: unit, concurrency: 1, timeoutMs: 120_000, together: true }]],
  [
    // Its tests share a cluster, and install the mesh for all of it.
    [{ name: "cluster", files: cluster, concurrency: 1, timeoutMs: 900_000, start: holdCluster }],
    [
      { name: "balancer", files: balancer, concurrency: 1, timeoutMs: 900_000 },
      { name: "envoy-contract", files: contract, concurrency: 2, timeoutMs: 300_000 },
      { name: "api-server", files: apiServer, concurrency: 1, timeoutMs: 300_000 },
      // Each of these starts a mesh of its own.
      { name: "local", files: local, concurrency: 1, timeoutMs: 900_000 },
    ],
  ],
];

/** The groups that `words` name (all if none does), with the files that have one of the other words in their path. */
function choose(words: readonly string[]): readonly (readonly Lane[])[] {
  const known = new Set(stages.flat(2).map(({ name }) => name));
  const names = words.filter((word) => known.has(word));
  const parts = words.filter((word) => !known.has(word));
  const chosenOf = (lane: Lane): Lane =>
    lane
      .filter(({ name }) => names.length === 0 || names.includes(name))
      .map((group) => ({
        ...group,
        files: group.files.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part))),
      }))
      .filter((group) => group.files.length > 0);
  return stages
    .map((lanes) => lanes.map(chosenOf).filter((lane) => lane.length > 0))
    .filter((lanes) => lanes.length > 0);
}

// Most of the time of a process that tests something small is its start.
const compiled = (process.env["NODE_COMPILE_CACHE"] ??= resolve("node_modules/.cache/compiled"));
enableCompileCache(compiled);

/** As this process was started: what a group shares is found by its own tests alone. */
const environment = { ...process.env };

/** Reports as it goes, or all at once when it has ended: two that go side by side could not be told apart. */
async function runGroup(group: Group, reports: "at once" | "in the end"): Promise<Counts> {
  const { name, files: chosen, concurrency, timeoutMs, together, start } = group;
  const title = `\n${name}: ${chosen.length} ${chosen.length === 1 ? "file" : "files"}`;
  console.log(reports === "at once" ? title : `${title}, of which more when they have ended`);
  const stop = await start?.();
  let counts: Counts = { passed: 0, failed: 0 };
  const events = run({
    files: [...chosen],
    concurrency,
    timeout: timeoutMs,
    // A file that leaves something open does not end, and fails by the time limit: it would lose what it has to say
    // if it were made to end.
    ...(together
      ? { isolation: "none" }
      : {
          execArgv: ["--disable-warning=ExperimentalWarning"],
          env: start === undefined ? environment : process.env,
        }),
  });
  events.on("test:summary", ({ file, success, counts: { tests, passed, skipped, todo } }) => {
    // Those with a file are of that file alone; the last one is of all.
    if (file !== undefined) return;
    const failed = tests - passed - skipped - todo;
    counts = { passed, failed: success ? failed : Math.max(failed, 1) };
  });
  const report = events.compose(new spec());
  if (reports === "at once") {
    report.pipe(process.stdout, { end: false });
    await finished(report);
  } else console.log(`${title}\n${await text(report)}`);
  await stop?.();
  return counts;
}

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { context: { type: "string" } },
});
if (values.context !== undefined) process.env["HEDDLE_TEST_CONTEXT"] = values.context;
const chosen = choose(words);
if (chosen.length === 0) {
  console.error(`No test file fits ${words.join(" ")}.`);
  process.exit(1);
}
let passed = 0;
let failed = 0;
for (const lanes of chosen)
  await Promise.all(
    lanes.map(async (lane, index) => {
      for (const group of lane) {
        const counts = await runGroup(group, index === 0 ? "at once" : "in the end");
        passed += counts.passed;
        failed += counts.failed;
      }
    }),
  );
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
