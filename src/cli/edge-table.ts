// Edges of the service graph as a table, for `heddle stat` and for the live table.
import { styleText } from "node:util";
import type { EdgeStat } from "#telemetry/stat.ts";

export const edgeHeaders = [
  "SOURCE",
  "DESTINATION",
  "PROTOCOL",
  "RPS",
  "SUCCESS",
  "P50",
  "P95",
  "P99",
  "MTLS",
] as const;

/** One row for each edge, under {@link edgeHeaders}; names longer than `nameWidth` are cut. Colored on a terminal. */
export function edgeRows(
  edges: readonly EdgeStat[],
  nameWidth = Number.POSITIVE_INFINITY,
): readonly (readonly string[])[] {
  return edges.map((edge) => [
    cut(nameOf(edge.source.workload, edge.source.namespace), nameWidth),
    cut(nameOf(edge.destination.service, edge.destination.namespace), nameWidth),
    edge.protocol,
    rateText(edge.rps),
    successText(edge.success),
    latencyText(edge.p50Ms),
    latencyText(edge.p95Ms),
    latencyText(edge.p99Ms),
    edge.mtls ? styleText("green", "yes") : styleText("yellow", "no"),
  ]);
}

/** `reviews.shop`; what has neither name nor namespace is just unknown. */
function nameOf(name: string, namespace: string): string {
  return name === namespace ? name : `${name}.${namespace}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function rateText(rps: number): string {
  return rps >= 100 ? rps.toFixed(0) : rps.toFixed(1);
}

/** Rounded down, so that 100 % means that nothing failed. */
function successText(success: number): string {
  const percent = `${(Math.floor(success * 10_000) / 100).toFixed(2)}%`;
  if (success >= 0.999) return styleText("green", percent);
  return styleText(success >= 0.95 ? "yellow" : "red", percent);
}

function latencyText(milliseconds: number | null): string {
  if (milliseconds === null) return "-";
  if (milliseconds >= 10_000) return `${(milliseconds / 1_000).toFixed(1)}s`;
  return `${milliseconds.toFixed(milliseconds >= 100 ? 0 : 1)}ms`;
}
