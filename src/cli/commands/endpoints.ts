import { type Command, Option } from "commander";
import { adminPort } from "#interception/addresses.ts";
import { balancerPage } from "#model/balancer.ts";
import type { BalancerPage, ConnectedProxy, EndpointLatency } from "../endpoint-latencies.ts";
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
    .option("--from <pod>", "only this client, POD.NAMESPACE; default: all that use the service")
    .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
    .addHelpText(
      "after",
      `
LATENCY is what a client's proxy expects an answer to take, by those it has had; OUTSTANDING is what it has under way
there. Both decide which endpoint gets its next request.

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
  const users = usersOf(proxies, service, options.namespace).filter(
    ({ id }) => options.from === undefined || id === options.from,
  );
  const able = users.filter(({ canBalance }) => canBalance);
  if (able.length < users.length)
    console.error(`${users.length - able.length} of ${users.length} proxies cannot balance by latency`);
  const read = await pageReader(target);
  const rows: EndpointLatency[] = [];
  for (const { id } of able) rows.push(...latenciesOf(id, await read(id), service, options.namespace));
  if (options.output === "json") console.log(JSON.stringify(rows, undefined, 2));
  else await print(rows, service);
}

async function print(rows: readonly EndpointLatency[], service: string): Promise<void> {
  if (rows.length === 0) {
    console.error(`no connected proxy balances requests to ${service} by latency`);
    return;
  }
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

/** Reads the page of a proxy by its id. */
async function pageReader(target: Target): Promise<(id: string) => Promise<BalancerPage>> {
  const podOf = (id: string): [string, string] => {
    const dot = id.lastIndexOf(".");
    return [id.slice(0, dot), id.slice(dot + 1)];
  };
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
