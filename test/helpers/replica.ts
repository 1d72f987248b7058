// A replica of the control plane as a process of this machine, on an address that stands for its pod's.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiPort, metricsPort } from "#runtime/ports.ts";
import { until } from "./wait.ts";

export interface Replica {
  readonly pod: string;
  readonly address: string;
  /** The lines of its log so far. */
  log(): readonly string[];
  /** Why it is not ready; empty when it is, undefined while nobody answers. */
  notReady(): Promise<readonly string[] | undefined>;
  /** Resolves once it is ready. */
  ready(): Promise<void>;
  /** Whether it leads, by its log. */
  leads(): boolean;
  /** Asks its interface for commands. */
  ask(path: string): Promise<Response>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal, once it has ended. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface ReplicaOptions {
  /** Another one for each that runs at the same time, up to 250. */
  readonly number: number;
  readonly kubeconfig: string;
  readonly args?: readonly string[];
}

const main = join(import.meta.dirname, "../../src/main-kubernetes.ts");

export function startReplica({ number, kubeconfig, args = [] }: ReplicaOptions): Replica {
  const pod = `heddle-${number}`;
  // Not of 127.0.0.0/8, which EndpointSlices may not have.
  const address = `198.18.${process.pid % 250}.${number}`;
  execFileSync("ip", ["address", "replace", `${address}/32`, "dev", "lo"]);
  const directory = mkdtempSync(join(tmpdir(), "heddle-replica-"));
  const logFile = join(directory, "log");
  const log = openSync(logFile, "a");
  const child: ChildProcess = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", process.execPath, main, "--api-listen", `${address}:${apiPort}`, ...args],
    {
      stdio: ["ignore", log, log],
      env: { ...process.env, KUBECONFIG: kubeconfig, POD_NAME: pod, POD_IP: address },
    },
  );
  let whole: string | undefined;
  const lines = () => (whole ?? readFileSync(logFile, "utf8")).split("\n").filter(Boolean);
  const notReady = async (): Promise<readonly string[] | undefined> => {
    const response = await fetch(`http://${address}:${metricsPort}/ready`).catch(() => undefined);
    return ((await response?.json()) as { readonly reasons: readonly string[] } | undefined)?.reasons;
  };
  return {
    pod,
    address,
    log: lines,
    notReady,
    ready: () =>
      until(async () => (await notReady())?.length === 0, `${pod} to be ready`).catch((error) => {
        throw new Error(`${String(error)}\n${lines().slice(-20).join("\n")}`);
      }),
    leads: () =>
      lines()
        .findLast((line) => /"leads/.test(line))
        ?.includes('"leads"') === true,
    ask: (path) => fetch(`http://${address}:${apiPort}${path}`),
    kill: (signal) => child.kill(signal),
    ended: once(child, "exit").then(([code, signal]) => {
      execFileSync("ip", ["address", "delete", `${address}/32`, "dev", "lo"]);
      whole = readFileSync(logFile, "utf8");
      rmSync(directory, { recursive: true, force: true });
      return (code ?? signal) as number | NodeJS.Signals;
    }),
  };
}
