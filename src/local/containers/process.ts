import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { namespaceFile } from "../network/node-namespace.ts";
import { privateShell, withScript } from "./private-script.ts";

/** A command that runs as the first process of a container. */
export interface ContainerProcess {
  /** Its process id on the host. */
  readonly pid: number;
  /** The exit code; 128 + n after signal n. */
  readonly exited: Promise<number>;
  signal(signal: NodeJS.Signals): void;
}

export type Started =
  | { readonly kind: "started"; readonly process: ContainerProcess }
  /** The container could not be set up, or there is no such command. */
  | { readonly kind: "failed"; readonly message: string };

/** Starts a container: own mount, UTS and process namespaces, the network of its pod, output to a file. */
export async function startProcess(options: {
  readonly network: string;
  readonly script: string;
  readonly log: string;
}): Promise<Started> {
  const log = openSync(options.log, "a", 0o600);
  const child = spawn(
    "nsenter",
    [
      `--net=${namespaceFile(options.network)}`,
      "unshare",
      "--mount",
      "--uts",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      ...privateShell,
    ],
    { stdio: ["ignore", log, log, "pipe"], env: withScript(options.script) },
  );
  closeSync(log);
  const exited = new Promise<number>((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
    child.on("error", () => resolve(127));
  });
  const report = await readReport(child.stdio[3] as Readable);
  const pid = child.pid === undefined ? undefined : firstChild(child.pid);
  if (report !== "started" || pid === undefined) {
    const code = await exited;
    if (report === "started") return { kind: "started", process: endedProcess(child.pid ?? 0, code) };
    return {
      kind: "failed",
      message: report.replace(/^failed /, "") || `the container's set-up ended with ${code}`,
    };
  }
  return { kind: "started", process: { pid, exited, signal: (signal) => sendSignal(pid, signal) } };
}

/** What the set-up script says on descriptor 3, to its end or to the first line. */
async function readReport(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}

/** The process that `unshare` started, which is process 1 in the container. */
function firstChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  } catch {
    return undefined;
  }
}

function endedProcess(pid: number, code: number): ContainerProcess {
  return { pid, exited: Promise.resolve(code), signal: () => {} };
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  };
  return signal === null ? 0 : (numbers[signal] ?? 0);
}
