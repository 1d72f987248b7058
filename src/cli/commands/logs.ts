import { type Command, InvalidArgumentError } from "commander";
import { stateOption } from "../state-option.ts";

/** `heddle logs`: what a container has printed. */
export function register(program: Command): void {
  program
    .command("logs")
    .description("print what a container of a mesh on this machine has printed (on a cluster: kubectl logs)")
    .argument("<pod>", "a pod, or deploy/NAME for one of its pods")
    .option("-n, --namespace <namespace>", "the pod's namespace")
    .option("-c, --container <name>", "the container; the first of the application by default")
    .option("-f, --follow", "go on as it prints more")
    .option("--tail <lines>", "only the last lines", lineCount)
    .addOption(stateOption())
    .addHelpText(
      "after",
      `
Examples:
  heddle logs -n bookstore deploy/frontend -f
  heddle logs -n bookstore deploy/frontend -c heddle-proxy --tail 20     its Envoy`,
    )
    .action(logs);
}

interface LogOptions {
  readonly namespace?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly state: string;
}

function lineCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("it is a number of lines");
  return Number(text);
}

async function logs(target: string, options: LogOptions): Promise<void> {
  const { findContainer, findPod } = await import("../supervisor-client.ts");
  const pod = await findPod(options.state, target, options.namespace);
  const container = findContainer(pod, options.container);
  if (container.message !== undefined)
    console.error(`${container.name} ${container.state}: ${container.message}`);
  const { follow, printFile } = await import("../follow-file.ts");
  const position = await printFile(container.log, options.tail);
  if (options.follow === true) await follow(container.log, position);
}
