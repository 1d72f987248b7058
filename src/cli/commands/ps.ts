import { type Command, Option } from "commander";
import type { PodSummary } from "#local/api.ts";
import { age } from "../age.ts";
import { type ClusterOptions, chooseTarget, type TargetOptions, withTargetOptions } from "../target.ts";

interface PsOptions extends TargetOptions {
  readonly namespace?: string;
  readonly output?: "json";
}

/** `heddle ps`: the pods of a mesh. */
export function register(program: Command): void {
  withTargetOptions(
    program
      .command("ps")
      .description(
        "list the pods of a mesh: on this machine with their containers, on a cluster with their proxies",
      )
      .option("-n, --namespace <namespace>", "only this namespace")
      .addOption(new Option("-o, --output <format>", "json for programs").choices(["json"]))
      .addHelpText(
        "after",
        `
On a cluster: the pods that have a proxy or should have one (PROXY none: created before the namespace was labelled),
which image of it, since when it has been connected to the control plane, and to which replica of it.

Examples:
  heddle ps
  heddle ps -n production --context production
  heddle ps -o json | jq '.[] | select(.proxy == "none")'`,
      ),
  ).action(ps);
}

async function ps(options: PsOptions): Promise<void> {
  const target = chooseTarget(options);
  const pods = target.kind === "local" ? await localPods(target.state) : await clusterPods(target.cluster);
  const chosen = pods
    .filter(({ pod: { namespace } }) => options.namespace === undefined || namespace === options.namespace)
    .sort((a, b) => (`${a.pod.namespace}/${a.pod.name}` < `${b.pod.namespace}/${b.pod.name}` ? -1 : 1));
  if (options.output === "json") {
    console.log(
      JSON.stringify(
        chosen.map(({ pod }) => pod),
        undefined,
        2,
      ),
    );
    return;
  }
  if (chosen.length === 0) {
    const where = options.namespace === undefined ? "" : ` in the namespace ${options.namespace}`;
    console.error(`there are no pods${where}`);
    return;
  }
  const { printTable } = await import("../table.ts");
  const headers = target.kind === "local" ? localHeaders : clusterHeaders;
  process.stdout.write(
    printTable(
      chosen.map(({ row }) => row),
      headers,
    ),
  );
}

interface Listed {
  readonly pod: { readonly namespace: string; readonly name: string };
  readonly row: readonly string[];
}

/** What `/proxies` says of one, as far as it is shown. */
interface Connection {
  readonly id: string;
  readonly connectedSince: string;
  readonly replica: string;
}

const clusterHeaders = ["NAMESPACE", "NAME", "PROXY", "IMAGE", "READY", "CONNECTED", "REPLICA"];

async function clusterPods(cluster: ClusterOptions): Promise<readonly Listed[]> {
  const [{ askReplica, connectCluster }, { proxyId, readMeshedPods }] = await Promise.all([
    import("../cluster.ts"),
    import("#install/meshed-pods.ts"),
  ]);
  const client = await connectCluster(cluster);
  const [pods, proxies] = await Promise.all([
    readMeshedPods(client),
    askReplica<readonly Connection[]>(client, "/proxies").catch((error: unknown) => {
      // The pods are told all the same.
      console.error(`heddle: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }),
  ]);
  const connections = new Map(proxies.map((proxy) => [proxy.id, proxy]));
  return pods.map((pod) => {
    const { connectedSince = null, replica = null } = connections.get(proxyId(pod)) ?? {};
    const since = connectedSince === null ? "no" : age(connectedSince);
    const row = [pod.namespace, pod.name, pod.proxy, pod.proxyImage || "-", pod.ready ? "yes" : "no"];
    return {
      pod: { ...pod, connectedSince, replica },
      row: [...row, pod.proxy === "none" ? "-" : since, replica ?? "-"],
    };
  });
}

async function localPods(state: string): Promise<readonly Listed[]> {
  const { askSupervisor } = await import("../supervisor-client.ts");
  const pods = await askSupervisor<readonly PodSummary[]>(state, "/pods");
  return pods.map((pod) => ({ pod, row: localRow(pod) }));
}

const localHeaders = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "CONTAINERS"];

function localRow(pod: PodSummary): readonly string[] {
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
