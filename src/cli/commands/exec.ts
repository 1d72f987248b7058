import type { Command } from "commander";
import type { Join } from "#local/containers/join.ts";
import { stateOption } from "../state-option.ts";

/** `heddle exec`: runs a command inside a container. */
export function register(program: Command): void {
  program
    .command("exec")
    .description(
      "run a command inside a container of a mesh on this machine, as its user and with its network, files and variables (on a cluster: kubectl exec)",
    )
    .usage("[options] <pod> [-c container] -- <command...>")
    .argument("<pod>", "a pod, or deploy/NAME for one of its pods")
    .argument("<command...>", "what to run")
    .option("-n, --namespace <namespace>", "the pod's namespace")
    .option("-c, --container <name>", "the container; the first of the application by default")
    .addOption(stateOption())
    .addHelpText(
      "after",
      `
Ends with the exit code of the command.

Examples:
  heddle exec -n bookstore deploy/frontend -- curl -s http://reviews/
  heddle exec -n bookstore deploy/frontend -- sh`,
    )
    .action(exec);
}

async function exec(
  target: string,
  command: readonly string[],
  options: { readonly namespace?: string; readonly container?: string; readonly state: string },
): Promise<void> {
  const [{ askSupervisor, findContainer, findPod }, { withScript }, { spawn }, { constants }] =
    await Promise.all([
      import("../supervisor-client.ts"),
      import("#local/containers/private-script.ts"),
      import("node:child_process"),
      import("node:os"),
    ]);
  const pod = await findPod(options.state, target, options.namespace);
  const container = findContainer(pod, options.container);
  const joined = await askSupervisor<Join>(options.state, "/join", {
    method: "POST",
    body: { namespace: pod.namespace, pod: pod.name, container: container.name, command },
  });
  const [program = "", ...args] = joined.command;
  const child = spawn(program, args, { stdio: "inherit", env: withScript(joined.script) });
  // A Ctrl-C on the terminal reaches the command by itself; this process stays to tell how it ended.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
