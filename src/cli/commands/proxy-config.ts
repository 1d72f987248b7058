import { Argument, type Command, Option } from "commander";
import { stateOption } from "../state-option.ts";

const PARTS = ["listeners", "routes", "clusters", "endpoints", "secrets", "bootstrap"] as const;

/** `heddle proxy-config`: what the Envoy of a pod holds now. */
export function register(program: Command): void {
  program
    .command("proxy-config")
    .description("show what the Envoy of a pod holds now")
    .argument("<pod>", "a pod, or deploy/NAME for one of its pods")
    .addArgument(new Argument("[part]", "one part only").choices(PARTS))
    .option("-n, --namespace <namespace>", "the pod's namespace")
    .addOption(
      new Option("-o, --output <format>", "json for programs, and for all that the tables leave out").choices(
        ["json"],
      ),
    )
    .addOption(stateOption())
    .action(proxyConfig);
}

async function proxyConfig(
  target: string,
  part: (typeof PARTS)[number] | undefined,
  options: { readonly namespace?: string; readonly output?: "json"; readonly state: string },
): Promise<void> {
  const [{ findPod }, { readConfigDump }, { partsOf, tableOf }, { printTable }] = await Promise.all([
    import("../supervisor-client.ts"),
    import("../config-dump.ts"),
    import("../config-tables.ts"),
    import("../table.ts"),
  ]);
  const pod = await findPod(options.state, target, options.namespace);
  const parts = partsOf(await readConfigDump(pod.networkNamespace));
  if (options.output === "json" || part === "bootstrap") {
    console.log(JSON.stringify(part === undefined ? parts : parts[part], undefined, 2));
    return;
  }
  for (const name of part === undefined ? PARTS.filter((entry) => entry !== "bootstrap") : [part]) {
    const { headers, rows } = tableOf(name, parts);
    if (part === undefined) console.log(name.toUpperCase());
    process.stdout.write(printTable(rows, headers));
    if (part === undefined) console.log();
  }
}
