// What `heddle up` shows while it runs: every edge with its traffic of the last half minute, drawn anew each second.
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import type { Problem } from "#model/reference.ts";
import type { EdgeStat } from "#telemetry/stat.ts";
import { askControlPlane, ControlPlaneAway } from "./control-plane-client.ts";
import { edgeTable } from "./edge-table.ts";
import { askSupervisor } from "./supervisor-client.ts";

/** What one drawing shows. */
export interface LiveFrame {
  readonly edges: readonly EdgeStat[];
  readonly problems: readonly Problem[];
  /** Why this is not the latest, if it is not. */
  readonly notice?: string;
}

const hideCursorAndKeepLinesUncut = "\x1b[?25l\x1b[?7l";
const showCursorAndWrapLines = "\x1b[?25h\x1b[?7h";
const shownProblems = 5;

/**
 * Draws the table below the cursor until the signal comes. Where the output is no terminal it only says how to get the
 * table, and waits.
 */
export async function runLiveTable({
  state,
  signal,
}: {
  readonly state: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const output = process.stdout;
  if (!output.isTTY) {
    output.write("Traffic: heddle stat\n");
    await untilAborted(signal);
    return;
  }
  output.write(hideCursorAndKeepLinesUncut);
  let frame: LiveFrame = { edges: [], problems: [] };
  let drawn = 0;
  const begun = performance.now();
  const aborted = untilAborted(signal);
  try {
    while (!signal.aborted) {
      frame =
        (await Promise.race([nextFrame(state, frame, shownWindow(performance.now() - begun)), aborted])) ??
        frame;
      const lines = liveLines(frame, { columns: output.columns, rows: output.rows });
      output.write(`${up(drawn)}\r\x1b[0J${lines.join("\n")}\n`);
      drawn = lines.length;
      await sleep(1_000, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    output.write(showCursorAndWrapLines);
  }
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function up(lines: number): string {
  return lines === 0 ? "" : `\x1b[${lines}A`;
}

/**
 * How far to look back, in milliseconds, when the table has been there for so long; undefined while nobody has reported
 * yet. What failed while pods were starting is no news about a mesh that is ready.
 */
export function shownWindow(elapsedMs: number): number | undefined {
  const window = Math.min(30_000, elapsedMs - reportDelayMs);
  return window < 1_000 ? undefined : Math.floor(window);
}

/** Sidecars report every 5 s; the first report after the start is also about what was before. */
const reportDelayMs = 10_000;

async function nextFrame(state: string, last: LiveFrame, windowMs: number | undefined): Promise<LiveFrame> {
  try {
    // The supervisor knows those of the control plane too.
    const problems = await askSupervisor<readonly Problem[]>(state, "/problems");
    if (windowMs === undefined)
      return { edges: [], problems, notice: "the first numbers come in ten seconds" };
    return {
      edges: await askControlPlane<readonly EdgeStat[]>(state, `/stat?windowMs=${windowMs}`),
      problems,
    };
  } catch (error) {
    const notice = error instanceof ControlPlaneAway ? "the control plane is starting" : String(error);
    return { ...last, notice };
  }
}

/** The lines of one drawing, for a terminal of that size. */
export function liveLines(
  { edges, problems, notice }: LiveFrame,
  size: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const below = [...problemLines(problems), ...(notice === undefined ? [] : [styleText("dim", notice)])];
  if (edges.length === 0) return [styleText("dim", "no traffic in the last 30 s"), ...below];
  const room = Math.max(1, size.rows - below.length - 3);
  const shown = edges.length <= room ? edges : edges.slice(0, room - 1);
  const hidden = edges.length - shown.length;
  return [
    ...edgeLines(shown, size.columns),
    ...(hidden === 0 ? [] : [styleText("dim", `and ${hidden} more: heddle stat`)]),
    ...below,
  ];
}

function edgeLines(edges: readonly EdgeStat[], columns: number): readonly string[] {
  const [header = "", ...rows] = edgeTable(edges, columns).trimEnd().split("\n");
  return [styleText("bold", header), ...rows];
}

function problemLines(problems: readonly Problem[]): readonly string[] {
  const lines = problems.slice(0, shownProblems).map((problem) => {
    const color = problem.severity === "error" ? "red" : "yellow";
    return `${styleText(color, problem.severity)} ${placeOf(problem)}${problem.message}`;
  });
  const hidden = problems.length - lines.length;
  return hidden === 0 ? lines : [...lines, styleText("dim", `and ${hidden} more problems`)];
}

function placeOf({ file, line, object }: Problem): string {
  if (file !== undefined) return line === undefined ? `${file}: ` : `${file}:${line}: `;
  return object === undefined ? "" : `${object.kind} ${object.namespace}/${object.name}: `;
}
