import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { until } from "#test/helpers/wait.ts";

export interface RunningReplica {
  /** The API for commands. */
  readonly api: string;
  /** With the rights of the control plane's account. */
  readonly kubeconfig: string;
  log(): string;
  stop(): Promise<void>;
}

/** An address of this machine's own, and ports on it, that nobody else listens on. */
const address = "127.46.44.3";
const apiAddress = "127.0.0.1:46019";

/** Runs the control plane of a cluster as a process of this machine, with the kubeconfig as soon as there is one. */
export async function startReplica(kubeconfigOf: () => Promise<string>): Promise<RunningReplica> {
  const kubeconfig = await kubeconfigOf();
  const main = join(import.meta.dirname, "..", "..", "..", "src", "main-kubernetes.ts");
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", main, `--api-listen=${apiAddress}`],
    { env: { ...process.env, KUBECONFIG: kubeconfig, POD_NAME: "heddle-test", POD_IP: address } },
  );
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const api = `http://${apiAddress}`;
  try {
    await until(() => isServing(`${api}/ready`), "the control plane", 30_000);
  } catch (error) {
    await stopped(child);
    throw new Error(
      `the control plane is not ready:
${log}`,
      { cause: error },
    );
  }
  return { api, kubeconfig, log: () => log, stop: () => stopped(child) };
}

async function isServing(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
