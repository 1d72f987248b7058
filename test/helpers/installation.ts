// Heddle in the cluster of the tests, put there and used by its own command line.
import assert from "node:assert/strict";
import type { Pod } from "#model/kubernetes/pod.ts";
import { type Cluster, type CommandResult, startCluster } from "./cluster.ts";
import { runHeddle } from "./run-heddle.ts";

export interface Installation {
  readonly cluster: Cluster;
  /** Runs the command line against the cluster, whatever it ends with. */
  heddle(...args: readonly string[]): Promise<CommandResult>;
  /** As `heddle`; throws unless it ends with 0. */
  succeeds(...args: readonly string[]): Promise<string>;
  /** What it prints for programs. */
  json<T>(...args: readonly string[]): Promise<T>;
  /** Installs, or changes what is installed; ends with a check, whose errors do not matter here. */
  install(...flags: readonly string[]): Promise<void>;
  /** Of the control plane; without those that are ending. */
  replicas(): Promise<readonly Pod[]>;
  uninstall(): Promise<void>;
  /** Takes it out of a cluster of the user's; that of the tests keeps it for the next file, which it saves the time. */
  leave(): Promise<void>;
}

/**
 * Heddle, and the definitions of the Gateway API and Istio, in the cluster of the tests: installed, or changed to what
 * `flags` say where an earlier file has left it.
 */
export async function startInstallation(...flags: readonly string[]): Promise<Installation> {
  const cluster = await startCluster();
  await cluster.define("gateway-api-standard", "istio");
  const { kubeconfig, context } = cluster;
  const where = ["--kubeconfig", kubeconfig, ...(context === undefined ? [] : ["--context", context])];
  const heddle: Installation["heddle"] = (...args) => runHeddle([...args, ...where]);
  const succeeds: Installation["succeeds"] = async (...args) => {
    const { code, stdout, stderr } = await heddle(...args);
    assert.equal(code, 0, `heddle ${args.join(" ")}:\n${stdout}${stderr}`);
    return stdout;
  };
  const install: Installation["install"] = async (...more) => {
    const { stdout, stderr } = await heddle("install", ...more);
    // It says so before the check that ends it.
    assert.match(stdout, /✓ control plane: 2 of 2 replicas ready/, `${stdout}${stderr}`);
  };
  await install(...flags);
  const uninstall = async (): Promise<void> => void (await succeeds("uninstall", "--yes"));
  return {
    cluster,
    heddle,
    succeeds,
    json: async <T>(...args: readonly string[]) => JSON.parse(await succeeds(...args, "-o", "json")) as T,
    install,
    replicas: async () => {
      const list = await cluster.kubectl([
        "get",
        "pods",
        "-n",
        "heddle-system",
        "-l",
        "app=heddle",
        "-o",
        "json",
      ]);
      return (JSON.parse(list) as { readonly items: readonly Pod[] }).items.filter(
        ({ metadata }) => metadata.deletionTimestamp === undefined,
      );
    },
    uninstall,
    leave: async () => (cluster.isForTests ? undefined : uninstall()),
  };
}
