// Starts the real Envoy for a test, on a bootstrap given as an object, and stops it by its process id.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, openSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { findEnvoy } from "#local/envoy-binary.ts";
import type { Namespace } from "./namespace.ts";
import { makeScratch } from "./scratch.ts";
import { until } from "./wait.ts";

/** A running Envoy. */
export interface Envoy {
  readonly pid: number;
  /** Everything that it wrote to stderr and stdout so far. */
  output(): string;
  /** A request to its admin interface; the status code is not looked at. */
  admin(path: string, method?: "GET" | "POST"): Promise<string>;
  /** The value of one counter or gauge, 0 if it does not exist. */
  stat(name: string): Promise<number>;
  /** Whether a listener of this name accepts connections. */
  isListening(name: string): Promise<boolean>;
  /** Waits until a listener of this name accepts connections. */
  listening(name: string): Promise<void>;
  /** Kills it, waits for its end, removes its files. */
  stop(): Promise<void>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<unknown>;
}

/** How to start Envoy. */
export interface EnvoyOptions {
  /** Runs there, as uid 1337, so that interception rules exempt it. */
  readonly namespace?: Namespace;
  readonly args?: readonly string[];
  readonly logLevel?: string;
}

const binary = await findEnvoy(() => {});

/** The path of the binary under test. */
export function envoyBinary(): string {
  return binary;
}

/**
 * Starts Envoy with `bootstrap` (the JSON form; `admin` is added, on a Unix socket, which crosses namespaces)
 * and waits until the admin interface answers. Throws with Envoy's output if it exits instead.
 */
export async function startEnvoy(bootstrap: object, options: EnvoyOptions = {}): Promise<Envoy> {
  const scratch = makeScratch("envoy");
  const socketPath = join(scratch.path, "admin.sock");
  const config = JSON.stringify({
    admin: { address: { pipe: { path: socketPath, mode: 0o777 } } },
    ...bootstrap,
  });
  if (options.namespace !== undefined) chmodSync(scratch.path, 0o777);
  const descriptor = openSync(binary, "r");
  const [file = "", ...args] = commandLine(config, options);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe", descriptor] });
  closeSync(descriptor);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  const exited = once(child, "exit");
  const admin: Envoy["admin"] = (path, method = "GET") => adminRequest(socketPath, path, method);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`Envoy exited with ${child.exitCode}:\n${output}`);
    return (await admin("/server_info").catch(() => "")) !== "";
  }, "Envoy's admin interface to answer");
  return {
    pid: child.pid ?? 0,
    output: () => output,
    admin,
    exited,
    stat: async (name) =>
      Number(/: (\d+)/.exec(await admin(`/stats?filter=^${escapeRegExp(name)}$`))?.[1] ?? 0),
    isListening: (name) => isListening(admin, name),
    listening: (name) => until(() => isListening(admin, name), `the listener ${name}`),
    stop: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await exited;
      scratch.remove();
    },
  };
}

/**
 * The command that starts the binary open as descriptor 3: it may lie in root's home, where the uid of a sidecar
 * cannot look. Envoy ends with the test process, however that ends.
 */
function commandLine(
  config: string,
  { namespace, logLevel = "warning", args = [] }: EnvoyOptions,
): readonly string[] {
  const sidecarUser = ["--reuid=1337", "--regid=1337", "--clear-groups"];
  return [
    ...(namespace === undefined ? [] : ["nsenter", `--net=${namespace.path}`]),
    "setpriv",
    "--pdeathsig=KILL",
    ...(namespace === undefined ? [] : sidecarUser),
    "/proc/self/fd/3",
    "--config-yaml",
    config,
    "--concurrency",
    "2",
    "--disable-hot-restart",
    "--log-level",
    logLevel,
    "--file-flush-interval-msec",
    "50",
    ...args,
  ];
}

/** A listener is listed before the workers accept connections. */
async function isListening(admin: Envoy["admin"], name: string): Promise<boolean> {
  const started = await admin("/stats?filter=^listener_manager.workers_started$");
  return started.includes(": 1") && (await admin("/listeners")).includes(`${name}::`);
}

function escapeRegExp(text: string): string {
  return encodeURIComponent(text.replace(/[.|\\()[\]^$*+?]/g, "\\$&"));
}

function adminRequest(socketPath: string, path: string, method: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path, method, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve(body)).on("error", reject);
    });
    request.on("error", reject).end();
  });
}
