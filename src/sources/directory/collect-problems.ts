import type { Collection } from "#collections/graph.ts";
import { type Problem, problemText } from "#model/reference.ts";
import type { DirectorySource } from "./directory.ts";

/** All problems, each with the place in a file where its object stands, in the order of files and lines. */
export function collectProblems(
  directory: DirectorySource,
  checks: readonly Collection<Problem>[],
  others: readonly Problem[] = [],
): readonly Problem[] {
  const found = [directory.problems, ...checks].flatMap((problems) =>
    [...problems.entries()].map(([, problem]) => problem),
  );
  return [...found, ...others]
    .map((problem) => located(problem, directory))
    .sort((a, b) => compare(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0));
}

function located(problem: Problem, directory: DirectorySource): Problem {
  if (problem.file !== undefined || problem.object === undefined) return problem;
  return { ...problem, ...directory.locate(problem.object, problem.field) };
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** One line for people: `file:line: severity: message (Kind namespace/name, field)`. */
export function formatProblem(problem: Problem): string {
  const { severity, file, line } = problem;
  const place = file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
  return `${place}${severity}: ${problemText(problem)}`;
}
