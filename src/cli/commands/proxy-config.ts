import { Argument, type Command, Option } from "commander";
import { adminPort } from "#interception/addresses.ts";
import { configDumpPath } from "../config-dump-path.ts";
import { type ClusterOptions, chooseTarget, type TargetOptions, withTargetOptions } from "../target.ts";

const PARTS = ["listeners", "routes", "clusters", "endpoints", "secrets", "bootstrap"] as const;

interface ProxyConfigOptions extends TargetOptions {
  readonly namespace?: string;
  readonly output?: "json";
}

/** `heddle proxy-config`: what the Envoy of a pod holds now. */
export function register(program: Command): void {
  const command = program
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
    .addHelpText(
      "after",
      `
Examples:
  heddle proxy-config -n production deploy/frontend
  heddle proxy-config -n production frontend-5d8f7c-x2x7q clusters -o json`,
    );
  withTargetOptions(command).action(proxyConfig);
}

async function proxyConfig(
  target: string,
  part: (typeof PARTS)[number] | undefined,
  options: ProxyConfigOptions,
): Promise<void> {
  const [{ partsOf, tableOf }, { printTable }] = await Promise.all([
    import("../config-tables.ts"),
    import("../table.ts"),
  ]);
  const mesh = chooseTarget(options);
  const parts = partsOf(
    mesh.kind === "local"
      ? await localDump(mesh.state, target, options.namespace)
      : await clusterDump(mesh.cluster, target, options.namespace),
  );
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

async function localDump(state: string, target: string, namespace: string | undefined): Promise<unknown> {
  const [{ findPod, hasProxy }, { readConfigDump }] = await Promise.all([
    import("../supervisor-client.ts"),
    import("../config-dump.ts"),
  ]);
  const pod = await findPod(state, target, namespace);
  if (!hasProxy(pod))
    throw new Error(
      `pod ${pod.namespace}/${pod.name} is not in the mesh: give its namespace the label heddle.dev/inject: enabled`,
    );
  return readConfigDump(pod.networkNamespace);
}

async function clusterDump(
  cluster: ClusterOptions,
  target: string,
  namespace: string | undefined,
): Promise<unknown> {
  const { connectCluster, findClusterPod, getThroughPod } = await import("../cluster.ts");
  const client = await connectCluster(cluster);
  const pod = await findClusterPod(client, target, namespace ?? client.namespace);
  return JSON.parse(await getThroughPod(client, { ...pod, port: adminPort }, configDumpPath)) as unknown;
}
