import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { EdgeStat } from "#telemetry/stat.ts";
import { liveLines, shownWindow } from "./live-table.ts";

function edge(workload: string, changes: Partial<EdgeStat> = {}): EdgeStat {
  return {
    source: { namespace: "bookstore", workload },
    destination: { namespace: "bookstore", service: "reviews" },
    protocol: "http",
    rps: 12.34,
    success: 0.99996,
    failures: [],
    limited: 0,
    p50Ms: 1.25,
    p95Ms: 123.4,
    p99Ms: 12_345,
    mtls: true,
    ...changes,
  };
}

function plain(lines: readonly string[]): readonly string[] {
  return lines.map(stripVTControlCharacters);
}

const reasons = (...names: string[]) => names.map((reason) => ({ reason, share: 0.1 }));

test("edges are shown with readable numbers, and success is never rounded up to all", () => {
  const tcp = edge("web", {
    protocol: "tcp",
    p50Ms: null,
    p95Ms: null,
    p99Ms: null,
    rps: 250.4,
    mtls: false,
  });
  assert.deepEqual(
    plain(liveLines({ edges: [edge("web"), tcp], problems: [] }, { columns: 160, rows: 40 })),
    [
      "SOURCE          DESTINATION         PROTOCOL   RPS    SUCCESS   P50     P95     P99     MTLS",
      "web.bookstore   reviews.bookstore   http       12.3   99.99%    1.3ms   123ms   12.3s   yes",
      "web.bookstore   reviews.bookstore   tcp        250    99.99%    -       -       -       no",
    ],
  );
});

test("what was refused has a column where there is any", () => {
  const edges = [edge("web"), edge("batch", { limited: 0.25 })];
  assert.deepEqual(plain(liveLines({ edges, problems: [] }, { columns: 160, rows: 40 })), [
    "SOURCE            DESTINATION         PROTOCOL   RPS    SUCCESS   LIMITED   P50     P95     P99     MTLS",
    "web.bookstore     reviews.bookstore   http       12.3   99.99%    -         1.3ms   123ms   12.3s   yes",
    "batch.bookstore   reviews.bookstore   http       12.3   99.99%    25.00%    1.3ms   123ms   12.3s   yes",
  ]);
});

test("how requests failed has a column where any did, and nothing is said of encryption where nothing arrived", () => {
  const failures = reasons("503 UH", "504 UT", "500");
  const edges = [edge("web"), edge("batch", { success: 0.69, failures, mtls: null })];
  assert.deepEqual(plain(liveLines({ edges, problems: [] }, { columns: 160, rows: 40 })), [
    "SOURCE            DESTINATION         PROTOCOL   RPS    SUCCESS   FAILURES           P50     P95     P99     MTLS",
    "web.bookstore     reviews.bookstore   http       12.3   99.99%    -                  1.3ms   123ms   12.3s   yes",
    "batch.bookstore   reviews.bookstore   http       12.3   69.00%    503 UH; 504 UT …   1.3ms   123ms   12.3s   -",
  ]);
});

test("on a narrow terminal names are cut so that the numbers stay", () => {
  const long = edge("a-workload-with-quite-a-long-name");
  for (const failures of [[], reasons("503 UH", "504 UT", "500")]) {
    const edges = [{ ...long, failures }];
    const lines = plain(liveLines({ edges, problems: [] }, { columns: 110, rows: 40 }));
    for (const line of lines) assert.ok(line.length <= 110, line);
    assert.match(lines[1] ?? "", /…/);
  }
});

test("what does not fit on the screen is counted", () => {
  const edges = Array.from({ length: 50 }, (_, i) => edge(`w${i}`));
  const lines = plain(liveLines({ edges, problems: [] }, { columns: 160, rows: 20 }));
  assert.ok(lines.length < 20);
  assert.match(lines.at(-1) ?? "", /^and \d+ more/);
});

test("what was before the mesh was ready is not shown", () => {
  assert.deepEqual([0, 10_500, 13_000, 40_000, 90_000].map(shownWindow), [
    undefined,
    undefined,
    3_000,
    30_000,
    30_000,
  ]);
});

test("problems are shown with their place below the table", () => {
  const problems = [
    { severity: "error", message: "there is no Service shop/x", file: "a.yaml", line: 7 } as const,
    {
      severity: "warning",
      message: "unused",
      object: { kind: "HTTPRoute", namespace: "shop", name: "r" },
    } as const,
  ];
  assert.deepEqual(plain(liveLines({ edges: [], problems }, { columns: 80, rows: 20 })), [
    "no traffic in the last 30 s",
    "error a.yaml:7: there is no Service shop/x",
    "warning HTTPRoute shop/r: unused",
  ]);
});
