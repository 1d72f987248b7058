import { type Command, Option } from "commander";
import { adminPort } from "#interception/addresses.ts";
import { balancerPage } from "#model/balancer.ts";
import type { BalancerPage, ConnectedProxy, EndpointLatency, User } from "../endpoint-latencies.ts";
import { chooseTarget, type Target, type TargetOptions, withTargetOptions } from "../target.ts";

interface EndpointsOptions extends TargetOptions {
  readonly namespace?: string;
  readonly from?: string;
  readonly output?: "json";
}

/** `heddle endpoints`: how fast each client finds each endpoint of a service. */
export function register(program: Command): void {
  const command = program
    .command("endpoints")
    .description("show how fast the proxies of its clients find each endpoint of a service")
    .argument("<service>", "NAME, NAME.NAMESPACE, or the whole hostname")
    .option("-n, --namespace <namespace>", "the service's namespace; default: any")
    .option("--from <pod>", "only this client, POD or POD.NAMESPACE; default: all that use the service")
    .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
    .addHelpText(
      "after",
      `
LATENCY is what a client's proxy expects an answer to take, by those it has had; OUTSTANDING is what it has under way
there. Both decide which endpoint gets its next request. Endpoints that are ejected or not healthy get none, and are not
listed.

Examples:
  heddle endpoints reviews -n production
  heddle endpoints reviews --from frontend-5d8f7c-x2x7q.production -o json`,
    );
  withTargetOptions(command).action(endpoints);
}

async function endpoints(service: string, options: EndpointsOptions): Promise<void> {
  const [{ askMesh }, { latenciesOf, usersOf }] = await Promise.all([
    import("../mesh-client.ts"),
    import("../endpoint-latencies.ts"),
  ]);
  const target = chooseTarget(options);
  const proxies = await askMesh<readonly ConnectedProxy[]>(target, "/proxies");
  const all = usersOf(proxies, service, options.namespace);
  const users = all.filter(({ id }) => isNamed(id, options.from));
  const able = users.filter(({ canBalance }) => canBalance);
  if (able.length < users.length)
    console.error(`${users.length - able.length} of ${users.length} proxies cannot balance by latency`);
  const read = await pageReader(target);
  const rows: EndpointLatency[] = [];
  for (const { id } of able) rows.push(...latenciesOf(id, await read(id), service, options.namespace));
  if (options.output === "json") console.log(JSON.stringify(rows, undefined, 2));
  else if (rows.length > 0) await print(rows);
  else console.error(whyNone(all, users, service, options.from));
}

/** Why there is nothing to show. */
function whyNone(all: readonly User[], users: readonly User[], service: string, from = ""): string {
  if (all.length === 0)
    return `no connected proxy sends requests to ${service}: nobody has called it yet, it is called by TCP, or it has another name`;
  if (users.length === 0)
    return `${from} sends no requests to ${service}; these do: ${all.map(({ id }) => id).join(", ")}`;
  return `no connected proxy balances requests to ${service} by latency: a DestinationRule says otherwise, or it has no healthy endpoint (heddle proxy-config POD endpoints tells)`;
}

/** `POD` or `POD.NAMESPACE`. */
function isNamed(id: string, from: string | undefined): boolean {
  return from === undefined || from === id || from === podOf(id)[0];
}

async function print(rows: readonly EndpointLatency[]): Promise<void> {
  const { printTable } = await import("../table.ts");
  const cells = rows.map(({ client, host, port, subset, address, latencyMs, outstanding }) => [
    client,
    `${host}:${port}${subset === "" ? "" : ` (${subset})`}`,
    address,
    latencyMs === null ? "-" : `${latencyMs.toFixed(1)} ms`,
    String(outstanding),
  ]);
  process.stdout.write(printTable(cells, ["CLIENT", "SERVICE", "ENDPOINT", "LATENCY", "OUTSTANDING"]));
}

/** Name and namespace of the pod of a proxy. */
function podOf(id: string): readonly [string, string] {
  const dot = id.lastIndexOf(".");
  return [id.slice(0, dot), id.slice(dot + 1)];
}

/** Reads the page of a proxy by its id. */
async function pageReader(target: Target): Promise<(id: string) => Promise<BalancerPage>> {
  if (target.kind === "local") {
    const [{ findPod }, { readAdmin }] = await Promise.all([
      import("../supervisor-client.ts"),
      import("../config-dump.ts"),
    ]);
    return async (id) => {
      const [name, namespace] = podOf(id);
      const pod = await findPod(target.state, name, namespace);
      return JSON.parse(await readAdmin(pod.networkNamespace, balancerPage)) as BalancerPage;
    };
  }
  const { connectCluster, getThroughPod } = await import("../cluster.ts");
  const client = await connectCluster(target.cluster);
  return async (id) => {
    const [name, namespace] = podOf(id);
    return JSON.parse(
      await getThroughPod(client, { namespace, name, port: adminPort }, balancerPage),
    ) as BalancerPage;
  };
}
