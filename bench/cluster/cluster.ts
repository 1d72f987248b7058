// A Kubernetes for a benchmark: that of the tests, or the user's own, into which it installs Heddle itself.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { InjectionMode } from "#install/settings.ts";
import type { KubernetesClient } from "#kubernetes/client.ts";
import { connectKubernetes } from "#kubernetes/connect.ts";
import { systemNamespace } from "#model/installation.ts";
import { type Cluster, holdCluster, startCluster } from "#test/helpers/cluster.ts";
import packageJson from "../../package.json" with { type: "json" };
import { monotonicMs } from "../processes.ts";

const run = promisify(execFile);
const heddle = join(import.meta.dirname, "..", "..", "bin", "heddle");

/** The image that applications of benchmarks run in. */
export const applicationImage = "mesh.local/test:1";

export interface BenchCluster extends Cluster {
  readonly client: KubernetesClient;
  /** `heddle install`; gives how long it took (ms). Another mode changes an installation. */
  install(injection?: InjectionMode): Promise<number>;
  uninstall(): Promise<void>;
}

/**
 * Does some work with a cluster, and leaves it as it was: what `install` brings and namespaces that `createNamespace`
 * makes are taken out afterwards. Throws at once where Heddle is installed already, for it would go, too.
 */
export async function withCluster(work: (cluster: BenchCluster) => Promise<void>): Promise<void> {
  const release = await holdCluster();
  try {
    const cluster = await open();
    const { items } = await cluster.client.request<{ readonly items: readonly unknown[] }>(
      "GET",
      "/api/v1/namespaces",
      { query: { fieldSelector: `metadata.name=${systemNamespace}` } },
    );
    if (items.length > 0) {
      throw new Error(
        "Heddle is installed in this cluster, and benchmarks install it themselves: heddle uninstall",
      );
    }
    try {
      await work(cluster);
    } finally {
      await cluster.close();
    }
  } finally {
    await release();
  }
}

async function open(): Promise<BenchCluster & { close(): Promise<void> }> {
  const cluster = await startCluster();
  const { kubeconfig, context } = cluster;
  const client = await connectKubernetes({ kubeconfig, ...(context !== undefined && { context }) });
  await cluster.define("gateway-api-standard", "istio");
  const namespaces: string[] = [];
  const runHeddle = async (...args: readonly string[]): Promise<void> => {
    const target = ["--kubeconfig", kubeconfig, ...(context === undefined ? [] : ["--context", context])];
    await run(heddle, [...args, ...target]);
  };
  const uninstall = (): Promise<void> => runHeddle("uninstall", "--yes");
  return {
    ...cluster,
    client,
    install: async (injection = "webhook") => {
      const start = monotonicMs();
      await runHeddle("install", "--injection", injection, ...imageOptions);
      return monotonicMs() - start;
    },
    uninstall,
    createNamespace: async (prefix, labels) => {
      const name = await cluster.createNamespace(prefix, labels);
      namespaces.push(name);
      return name;
    },
    close: async () => {
      for (const name of namespaces) await cluster.deleteNamespace(name);
      await uninstall();
    },
  };
}

const imageOptions = [
  `--control-plane-image=mesh.local/heddle-control-plane:${packageJson.version}`,
  `--proxy-image=mesh.local/heddle-proxy:${packageJson.version}`,
];

/** The labels of a namespace whose pods get sidecars. */
export const meshed = { "heddle.dev/inject": "enabled" };
