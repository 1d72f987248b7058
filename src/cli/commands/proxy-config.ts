import { Argument, type Command, Option } from "commander";
import { adminPort } from "#interception/addresses.ts";
import { configDumpPath, endpointStatePath } from "../config-dump-path.ts";
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
  const ask =
    mesh.kind === "local"
      ? await localAdmin(mesh.state, target, options.namespace)
      : await clusterAdmin(mesh.cluster, target, options.namespace);
  const json = async (path: string) => JSON.parse(await ask(path)) as unknown;
  const parts = partsOf(await json(configDumpPath), await json(endpointStatePath));
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

/** Asks a page of a proxy's admin interface. */
type AskAdmin = (path: string) => Promise<string>;

async function localAdmin(state: string, target: string, namespace: string | undefined): Promise<AskAdmin> {
  const [{ findPod }, { readAdmin }] = await Promise.all([
    import("../supervisor-client.ts"),
    import("../config-dump.ts"),
  ]);
  const pod = await findPod(state, target, namespace);
  return (path) => readAdmin(pod.networkNamespace, path);
}

async function clusterAdmin(
  cluster: ClusterOptions,
  target: string,
  namespace: string | undefined,
): Promise<AskAdmin> {
  const { connectCluster, findClusterPod, getThroughPod } = await import("../cluster.ts");
  const client = await connectCluster(cluster);
  const pod = await findClusterPod(client, target, namespace ?? client.namespace);
  return (path) => getThroughPod(client, { ...pod, port: adminPort }, path);
}
