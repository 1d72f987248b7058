import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { OutboundTrafficMode } from "#model/others.ts";
import { programFile } from "#runtime/program.ts";
import { takeLock } from "./lock.ts";
import { createNodeNamespace, namespaceFile, nodeNamespace } from "./network/node-namespace.ts";
import { askSocket } from "./socket-client.ts";
import { makeStateDirectory, type StateDirectory } from "./state-directory.ts";
import type { LauncherMessage, SupervisorMessage } from "./supervisor-main.ts";
import { sweep } from "./sweep.ts";

const SUPERVISOR = programFile("local/supervisor-main");

/** What a mesh is started with. */
export interface LaunchOptions {
  readonly state: StateDirectory;
  /** The user's files and directories. */
  readonly paths: readonly string[];
  /** The Envoy binary. */
  readonly envoy: string;
  /** The module that balances by latency, if there is one. */
  readonly balancer: string | undefined;
  readonly outboundTrafficPolicy: OutboundTrafficMode;
  /** The address of a DNS server for names outside of the mesh, in the place of those of /etc/resolv.conf. */
  readonly resolver: string | undefined;
}

/** A mesh that this process has started. */
export interface LaunchedMesh {
  readonly state: StateDirectory;
  /** Resolves when the supervisor has ended, by itself or because it was killed, and nothing of the mesh is left. */
  readonly ended: Promise<"in order" | "killed">;
  /** Ends everything; a second call does it by force. */
  stop(): void;
  /** Lets the mesh live on without this process. */
  detach(): Promise<void>;
}

/** A mesh cannot be started; the message says why and what to do. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

/** Starts a mesh: lock, sweep of what a crash has left, node namespace, supervisor. Resolves when its API serves. */
export async function launch(options: LaunchOptions): Promise<LaunchedMesh> {
  const { state } = options;
  makeStateDirectory(state);
  const lock = await takeLock(state.lock);
  if (lock === undefined)
    throw new LaunchError(
      `a mesh runs in ${state.root} already; stop it with heddle down, or start this one with another --state`,
    );
  await sweep(state);
  rmSync(state.logs, { recursive: true, force: true });
  makeStateDirectory(state);
  await createNodeNamespace(state.id);
  const supervisor = spawnSupervisor(options, lock);
  const exited = new Promise<"in order" | "killed">((resolve) =>
    supervisor.on("exit", (code) => resolve(code === 0 ? "in order" : "killed")),
  );
  // A supervisor that was killed could not clean up; one that ended in order has nothing left to sweep.
  const ended = exited.then(async (how) => {
    await sweep(state);
    closeSync(lock);
    return how;
  });
  await serving(supervisor, exited, state);
  let stopped = false;
  return {
    state,
    ended,
    stop() {
      if (stopped) supervisor.kill("SIGKILL");
      else if (supervisor.connected) supervisor.send("stop" satisfies LauncherMessage);
      stopped = true;
    },
    async detach() {
      const told = nextMessage(supervisor, "detached");
      supervisor.send("detach" satisfies LauncherMessage);
      await told;
      supervisor.removeAllListeners();
      supervisor.unref();
      supervisor.channel?.unref();
    },
  };
}

function spawnSupervisor(
  { state, paths, envoy, balancer, outboundTrafficPolicy, resolver }: LaunchOptions,
  lock: number,
): ChildProcess {
  const log = openSync(join(state.logs, "supervisor.log"), "a", 0o600);
  const hostNetwork = openSync("/proc/self/ns/net", "r");
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", SUPERVISOR];
  const child = spawn(
    "nsenter",
    [
      `--net=${namespaceFile(nodeNamespace(state.id))}`,
      ...node,
      "--state",
      state.root,
      "--envoy",
      envoy,
      ...(balancer === undefined ? [] : ["--balancer", balancer]),
      "--outbound-traffic-policy",
      outboundTrafficPolicy,
      ...(resolver === undefined ? [] : ["--resolver", resolver]),
      "--",
      ...paths,
    ],
    // Its own session: a Ctrl-C on the terminal is for the launcher, which passes it on in its way.
    { stdio: ["ignore", log, log, hostNetwork, lock, "ipc"], detached: true, cwd: process.cwd() },
  );
  // Descriptors must have the numbers that the supervisor expects: 3 and 4, with the channel behind them.
  closeSync(log);
  closeSync(hostNetwork);
  return child;
}

async function serving(
  supervisor: ChildProcess,
  exited: Promise<unknown>,
  state: StateDirectory,
): Promise<void> {
  const failed = exited.then(() => {
    const log = readFileSync(join(state.logs, "supervisor.log"), "utf8")
      .trim()
      .split("\n")
      .slice(-15)
      .join("\n");
    throw new LaunchError(`the supervisor ended at its start:\n${log}`);
  });
  await Promise.race([nextMessage(supervisor, "serving"), failed]);
  failed.catch(() => {}); // From now on its end is no failure to start.
}

function nextMessage(supervisor: ChildProcess, wanted: SupervisorMessage): Promise<void> {
  return new Promise((resolve) => {
    supervisor.on("message", (message: SupervisorMessage) => {
      if (message === wanted) resolve();
    });
  });
}

/** Ends the mesh of a state directory, however it was started, and removes what is left of it. */
export async function takeDown(state: StateDirectory): Promise<void> {
  await askSocket(state.supervisorSocket, "/stop", { method: "POST", timeoutMs: 2_000 }).catch(() => {}); // Not running, or not able to: it is swept.
  const lock = await takeLock(state.lock, STOP_PATIENCE_MS);
  await sweep(state);
  if (lock !== undefined) closeSync(lock);
}

/** Longer than pods may take to end with their mesh. */
const STOP_PATIENCE_MS = 8_000;
