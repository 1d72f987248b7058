import { type Command, Option } from "commander";
import type { Problem } from "#model/reference.ts";

/** `heddle validate`: says beforehand what `heddle up` would report about files. Exits with 1 if there are errors. */
export function register(program: Command): void {
  program
    .command("validate")
    .description("check files of Kubernetes, Gateway API and Istio objects without running anything")
    .argument("<path...>", "files, and directories that are read recursively for .yaml, .yml and .json")
    .addOption(new Option("-o, --output <format>", "print the problems in another format").choices(["json"]))
    .addHelpText(
      "after",
      `
Each problem is printed as 'file:line: severity: message (Kind namespace/name, field)'.
Exits with 1 if there is an error, with 0 if there are warnings only. Containers must have a command that runs on this
machine, or a stand-in for their image in a file heddle-images.yaml among the paths (see heddle up --help).

Examples:
  heddle validate examples/bookstore
  heddle validate app.yaml routes.yaml -o json`,
    )
    .action(async (paths: readonly string[], options: { readonly output?: "json" }) => {
      const { problems, objectCount } = await validateFiles(paths);
      if (options.output === "json") console.log(JSON.stringify(problems, undefined, 2));
      else await print(problems, objectCount);
      if (problems.some(({ severity }) => severity === "error")) process.exitCode = 1;
    });
}

/** What is wrong with files, and how many objects of them can be used. */
export interface Validation {
  readonly problems: readonly Problem[];
  readonly objectCount: number;
}

/** Reads the files as the control plane does, once. */
export async function validateFiles(paths: readonly string[]): Promise<Validation> {
  const [{ Graph }, { openDirectory }, { checkObjects }, { checkCommands }, { collectProblems }] =
    await Promise.all([
      import("#collections/graph.ts"),
      import("#sources/directory/directory.ts"),
      import("#compile/checks/check.ts"),
      import("#sources/directory/check-commands.ts"),
      import("#sources/directory/collect-problems.ts"),
    ]);
  const graph = new Graph({
    onFault: ({ error }) => {
      throw error;
    },
  });
  const directory = openDirectory(graph, { paths });
  const checks = checkObjects(graph, directory.objects);
  graph.settle();
  const standIns = [...directory.standIns.entries()].map(([, standIn]) => standIn);
  const problems = collectProblems(directory, checks, checkCommands(directory.objects, standIns));
  directory.close();
  // Slices and namespaces may be made by Heddle; the others stand in the files.
  const { endpointSlices: _slices, namespaces: _namespaces, ...written } = directory.objects;
  return { problems, objectCount: Object.values(written).reduce((sum, { size }) => sum + size, 0) };
}

async function print(problems: readonly Problem[], objectCount: number): Promise<void> {
  const { formatProblem } = await import("#sources/directory/collect-problems.ts");
  for (const problem of problems) console.log(formatProblem(problem));
  const count = (severity: Problem["severity"]) =>
    problems.filter((problem) => problem.severity === severity).length;
  console.log(
    `${counted(objectCount, "object")}, ${counted(count("error"), "error")}, ${counted(count("warning"), "warning")}`,
  );
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
