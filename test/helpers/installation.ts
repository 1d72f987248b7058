// Heddle in the cluster of the tests, put there and used by its own command line.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Pod } from "#model/kubernetes/pod.ts";
import { type Cluster, type CommandResult, startCluster } from "./cluster.ts";

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
}

const program = join(import.meta.dirname, "..", "..", "bin", "heddle");

/** Installs Heddle, and the definitions of the Gateway API and Istio, into the cluster of the tests. */
export async function startInstallation(...flags: readonly string[]): Promise<Installation> {
  const cluster = await startCluster();
  await cluster.define("gateway-api-standard", "istio");
  const { kubeconfig, context } = cluster;
  const where = ["--kubeconfig", kubeconfig, ...(context === undefined ? [] : ["--context", context])];
  const heddle: Installation["heddle"] = (...args) =>
    new Promise((resolve) => {
      execFile(program, [...args, ...where], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
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
    uninstall: async () => void (await succeeds("uninstall", "--yes")),
  };
}
