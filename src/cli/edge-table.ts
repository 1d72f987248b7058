// Edges of the service graph as a table, for `heddle stat` and for the live table.
import { styleText } from "node:util";
import type { EdgeStat } from "#telemetry/stat.ts";
import { printTable } from "./table.ts";

/** Edges as a table; where it is wider than `width`, names are cut so that the numbers stay. Colored on a terminal. */
export function edgeTable(edges: readonly EdgeStat[], width = Number.POSITIVE_INFINITY): string {
  const [header = ""] = tableWithNames(edges, 0).split("\n", 1);
  const rest = header.length - "SOURCE".length - "DESTINATION".length;
  return tableWithNames(edges, Math.max(shortestName, Math.floor((width - rest) / 2)));
}

const shortestName = 12;

function tableWithNames(edges: readonly EdgeStat[], nameWidth: number): string {
  // In few meshes something fails or is refused.
  const shown = columns.filter(({ only }) => only === undefined || edges.some(only));
  return printTable(
    edges.map((edge) => shown.map(({ text }) => text(edge, nameWidth))),
    shown.map(({ header }) => header),
  );
}

interface Column {
  readonly header: string;
  readonly text: (edge: EdgeStat, nameWidth: number) => string;
  /** Shown only where some edge is so. */
  readonly only?: (edge: EdgeStat) => boolean;
}

const columns: readonly Column[] = [
  {
    header: "SOURCE",
    text: ({ source }, width) => cut(nameOf(source.workload, source.namespace), width),
  },
  {
    header: "DESTINATION",
    text: ({ destination }, width) => cut(nameOf(destination.service, destination.namespace), width),
  },
  { header: "PROTOCOL", text: ({ protocol }) => protocol },
  { header: "RPS", text: ({ rps }) => rateText(rps) },
  { header: "SUCCESS", text: ({ success }) => successText(success) },
  {
    header: "LIMITED",
    text: ({ limited }) => (limited > 0 ? styleText("yellow", percentText(limited)) : "-"),
    only: ({ limited }) => limited > 0,
  },
  {
    header: "FAILURES",
    text: ({ failures }) => failuresText(failures.map(({ reason }) => reason)),
    only: ({ failures }) => failures.length > 0,
  },
  { header: "P50", text: ({ p50Ms }) => latencyText(p50Ms) },
  { header: "P95", text: ({ p95Ms }) => latencyText(p95Ms) },
  { header: "P99", text: ({ p99Ms }) => latencyText(p99Ms) },
  { header: "MTLS", text: ({ mtls }) => mtlsText(mtls) },
];

/** `reviews.shop`; what has neither name nor namespace is just unknown. */
function nameOf(name: string, namespace: string): string {
  return name === namespace ? name : `${name}.${namespace}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function rateText(rps: number): string {
  return rps >= 100 ? rps.toFixed(0) : rps.toFixed(1);
}

/** Rounded down, so that 100 % means that nothing failed. */
function successText(success: number): string {
  const percent = percentText(success);
  if (success >= 0.999) return styleText("green", percent);
  return styleText(success >= 0.95 ? "yellow" : "red", percent);
}

/** The most frequent ones. */
function failuresText(reasons: readonly string[]): string {
  if (reasons.length === 0) return "-";
  return reasons.length <= 2 ? reasons.join("; ") : `${reasons.slice(0, 2).join("; ")} …`;
}

function mtlsText(mtls: boolean | null): string {
  if (mtls === null) return "-";
  return mtls ? styleText("green", "yes") : styleText("yellow", "no");
}

function percentText(share: number): string {
  return `${(Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2)}%`;
}

function latencyText(milliseconds: number | null): string {
  if (milliseconds === null) return "-";
  if (milliseconds >= 10_000) return `${(milliseconds / 1_000).toFixed(1)}s`;
  return `${milliseconds.toFixed(milliseconds >= 100 ? 0 : 1)}ms`;
}
