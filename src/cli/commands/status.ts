import { type Command, Option } from "commander";
import { chooseTarget, type TargetOptions, withTargetOptions } from "../target.ts";

interface StatusOptions extends TargetOptions {
  readonly namespace?: string;
  readonly output?: "json";
}

/** `heddle status`: what became of routes and policies. */
export function register(program: Command): void {
  withTargetOptions(
    program
      .command("status")
      .description("show what became of routes and policies: conditions, and how many proxies have them")
      .argument(
        "[kind]",
        "one kind, as kubectl takes it: httproute, virtualservices, dr, gateways.networking.istio.io …",
      )
      .argument("[name]", "one object, with what each of its conditions says")
      .option("-n, --namespace <namespace>", "only this namespace")
      .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
      .addHelpText(
        "after",
        `
On this machine problems come first: those of the files, as of heddle validate, of pods and of ports.
PROXIES is n/m: of the m proxies that use what the object made, n have acknowledged the latest of it; asked of all
replicas of the control plane.

Examples:
  heddle status
  heddle status httproute -n production
  heddle status httproute reviews -n production`,
      ),
  ).action(status);
}

async function status(
  kind: string | undefined,
  name: string | undefined,
  options: StatusOptions,
): Promise<void> {
  const [
    { readFileProblems, readObjectStatuses },
    { statusDetail, statusHeaders, statusRow },
    { printTable },
  ] = await Promise.all([import("../object-status.ts"), import("../status-table.ts"), import("../table.ts")]);
  const target = chooseTarget(options);
  const all = await readObjectStatuses(target, kind);
  const chosen = all.filter(({ object }) => {
    const here = options.namespace === undefined || object.namespace === options.namespace;
    return here && (name === undefined || object.name === name);
  });
  if (options.output === "json") {
    console.log(JSON.stringify(chosen, undefined, 2));
    return;
  }
  if (kind === undefined) for (const line of await readFileProblems(target)) console.error(line);
  if (chosen.length === 0) {
    const what = [kind ?? "routes or policies", name].filter((part) => part !== undefined).join(" ");
    const where = options.namespace === undefined ? "" : ` in the namespace ${options.namespace}`;
    if (name !== undefined) throw new Error(`there is no ${what}${where}`);
    console.error(`there are no ${what}${where}`);
    return;
  }
  if (name === undefined) process.stdout.write(printTable(chosen.map(statusRow), statusHeaders));
  else process.stdout.write(chosen.map(statusDetail).join("\n"));
}
