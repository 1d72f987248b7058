import { type Command, Option } from "commander";
import type { PodSummary } from "#local/api.ts";
import { stateOption } from "../state-option.ts";

/** `heddle ps`: the pods of a mesh and their containers. */
export function register(program: Command): void {
  program
    .command("ps")
    .description("list pods and containers")
    .option("-n, --namespace <namespace>", "only this namespace")
    .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
    .addOption(stateOption())
    .action(ps);
}

async function ps(options: {
  readonly namespace?: string;
  readonly output?: "json";
  readonly state: string;
}): Promise<void> {
  const { askSupervisor } = await import("../supervisor-client.ts");
  const all = await askSupervisor<readonly PodSummary[]>(options.state, "/pods");
  const pods = all
    .filter(({ namespace }) => options.namespace === undefined || namespace === options.namespace)
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  if (options.output === "json") {
    console.log(JSON.stringify(pods, undefined, 2));
    return;
  }
  const { printTable } = await import("../table.ts");
  process.stdout.write(printTable(pods.map(row), HEADERS));
}

const HEADERS = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "CONTAINERS"];

function row(pod: PodSummary): readonly string[] {
  return [
    pod.namespace,
    pod.name,
    pod.readyContainers,
    pod.status,
    String(pod.restarts),
    age(pod.createdAt),
    pod.ip,
    pod.containers
      .filter(({ role }) => role !== "init")
      .map(({ name }) => name)
      .join(","),
  ];
}

function age(createdAt: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(createdAt)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes}m` : `${Math.floor(minutes / 60)}h`;
}
