import type { Collection } from "#collections/graph.ts";
import type { Problem } from "#model/reference.ts";
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
export function formatProblem({ severity, message, object, field, file, line }: Problem): string {
  const place = file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
  const name =
    object === undefined
      ? undefined
      : `${object.kind} ${[object.namespace, object.name].filter(Boolean).join("/")}`;
  const about = [name, field].filter((part) => part !== undefined).join(", ");
  return `${place}${severity}: ${message}${about === "" ? "" : ` (${about})`}`;
}
