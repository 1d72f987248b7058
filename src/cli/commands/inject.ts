import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { withImageOptions } from "../install-options.ts";

/** `heddle inject`: prints objects as they would run in the mesh. Exits with 1 if one of them cannot. */
export function register(program: Command): void {
  withImageOptions(
    program
      .command("inject")
      .description("print Kubernetes objects with the sidecar in their pods and pod templates")
      .requiredOption(
        "-f, --filename <file>",
        "a file of YAML or JSON, - for standard input; may be given several times",
        (file: string, files: readonly string[] | undefined) => [...(files ?? []), file],
      )
      .addHelpText(
        "after",
        `
Prints every document, injected where it makes pods: Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob.
'heddle up' runs exactly what this prints. Left alone, with a note on standard error: pods that opt out
(heddle.dev/inject: disabled, sidecar.istio.io/inject: "false"), that use the host's network, or whose Namespace is
among the documents and does not have the label heddle.dev/inject: enabled or istio-injection: enabled.
Exits with 1 if an object cannot be read or injected.

Examples:
  heddle inject -f deployment.yaml
  heddle inject -f namespace.yaml -f deployment.yaml > injected.yaml
  kubectl get deployment web -o yaml | heddle inject -f - | kubectl apply -f -`,
      ),
  ).action(inject);
}

interface InjectOptions {
  readonly filename: readonly string[];
  readonly controlPlaneImage: string;
  readonly proxyImage: string;
  readonly latencyAware: boolean;
}

async function inject({ filename: names, ...proxy }: InjectOptions): Promise<void> {
  const [{ injectYaml }, { defaultInjectionSettings }, { formatProblem }] = await Promise.all([
    import("#injector/inject-yaml.ts"),
    import("#injector/settings.ts"),
    import("#sources/directory/collect-problems.ts"),
  ]);
  const files = await Promise.all(names.map(async (name) => ({ name, text: await read(name) })));
  const { output, problems, notes } = injectYaml(files, { ...defaultInjectionSettings, ...proxy });
  for (const note of notes) process.stderr.write(`${note}\n`);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  process.stdout.write(output);
  if (problems.some(({ severity }) => severity === "error")) process.exitCode = 1;
}

/** Throws in words for the user if there is no such file. */
async function read(name: string): Promise<string> {
  if (name === "-") return text(process.stdin);
  return readFile(name, "utf8").catch((error: unknown) => {
    throw new Error(`${name} cannot be read`, { cause: error });
  });
}
