import { type Command, Option } from "commander";
import type { EdgeStat } from "#telemetry/stat.ts";
import { chooseTarget, type TargetOptions, withTargetOptions } from "../target.ts";

const examples = `
The last 30 seconds of every edge, from client workload to service: requests per second (TCP: new connections), how
many succeeded, how the others failed, how many were refused because there were too many (each if any), latency, and
whether all of it was encrypted by mutual TLS.

FAILURES are the most frequent: the status, and why the proxy answered in the place of the application, if it did: UF, UC
connection not made, or lost; UH no endpoint to send to; UT too late; UO beyond a limit; NR, NC no route, or nothing at
its end; FI injected. A status alone is the server's own answer. -o json has all of them, with their shares.

Examples:
  heddle stat                          all edges
  heddle stat -n production            edges from or to one namespace
  heddle stat -o json | jq '.[] | select(.success < 1)'`;

interface StatCommandOptions extends TargetOptions {
  readonly namespace?: string;
  readonly output?: "json";
}

/** `heddle stat`: who calls whom, how often, and how well. */
export function register(program: Command): void {
  withTargetOptions(
    program
      .command("stat")
      .description("show who calls whom, how often, and how well")
      .option("-n, --namespace <namespace>", "only edges from or to this namespace")
      .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
      .addHelpText("after", examples),
  ).action(stat);
}

async function stat({ namespace, output, ...target }: StatCommandOptions): Promise<void> {
  const { askMesh } = await import("../mesh-client.ts");
  const query = namespace === undefined ? "" : `?namespace=${encodeURIComponent(namespace)}`;
  const edges = await askMesh<readonly EdgeStat[]>(chooseTarget(target), `/stat${query}`);
  if (output === "json") {
    process.stdout.write(`${JSON.stringify(edges, null, 2)}\n`);
    return;
  }
  if (edges.length === 0) {
    const where = namespace === undefined ? "" : ` from or to the namespace ${namespace}`;
    process.stderr.write(`no traffic${where} in the last 30 s\n`);
    return;
  }
  const { edgeTable } = await import("../edge-table.ts");
  process.stdout.write(edgeTable(edges));
}
