// What a benchmark is, and what comes out of it.
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { median } from "./statistics.ts";

/** One figure that a benchmark measures. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** What must not be exceeded; undefined for a figure that is only shown. */
  readonly atMost?: number;
}

/** Takes the value of a figure in one run. */
export type Recorder = (figure: string, value: number) => void;

/** A program that measures figures, each as often as it runs. */
export interface Benchmark {
  readonly figures: readonly Figure[];
  /** How many runs the medians need; 5 by default. */
  readonly runs?: number;
  run(record: Recorder, runs: number): Promise<void>;
}

/** The median of one figure; `null` where there is no target. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number | null;
  readonly met: boolean | null;
}

export interface Report {
  readonly results: readonly Result[];
  readonly machine: string;
  readonly commit: string;
}

/** Runs a benchmark and takes the medians. A figure without a value is left out. */
export async function measure(benchmark: Benchmark, runs: number): Promise<Report> {
  const values = new Map<string, number[]>(benchmark.figures.map((figure) => [figure.name, []]));
  const [load = 0] = loadavg();
  await benchmark.run((name, value) => {
    const ofFigure = values.get(name);
    if (ofFigure === undefined) throw new Error(`the benchmark has no figure "${name}"`);
    ofFigure.push(value);
  }, runs);
  const results = benchmark.figures.flatMap((figure) => {
    const measured = values.get(figure.name) ?? [];
    return measured.length === 0 ? [] : [resultOf(figure, median(measured))];
  });
  return { results, machine: `${machine()}, load ${load.toFixed(1)} before`, commit: commit() };
}

/** The table for a terminal. */
export function formatReport(report: Report): string {
  const rows = report.results.map((result) => [
    result.name,
    `${format(result.value)} ${result.unit}`,
    result.target === null ? "" : `≤ ${format(result.target)} ${result.unit}`,
    result.met === null ? "" : result.met ? "met" : "MISSED",
  ]);
  const table = [["FIGURE", "MEDIAN", "TARGET", ""], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n\n${report.machine}, commit ${report.commit}\n`;
}

function resultOf(figure: Figure, value: number): Result {
  const { name, unit, atMost } = figure;
  return atMost === undefined
    ? { name, value, unit, target: null, met: null }
    : { name, value, unit, target: atMost, met: value <= atMost };
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}

function machine(): string {
  const processors = cpus();
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return `${processors[0]?.model ?? "unknown"} × ${processors.length}, ${gigabytes} GB, Linux ${release()}, Node ${process.version}`;
}

function commit(): string {
  try {
    return git("rev-parse", "--short", "HEAD").trim() + (git("status", "--porcelain") === "" ? "" : "-dirty");
  } catch {
    return "unknown";
  }
}

function git(...args: string[]): string {
  return execFileSync("git", args, {
    encoding: "utf8",
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "ignore"],
  });
}
