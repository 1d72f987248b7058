import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Problem } from "#model/reference.ts";
import { NODE_ADDRESS, RELAY_PORT } from "../addresses.ts";
import { relayConfiguration } from "./relay-configuration.ts";

const POLL_MS = 20;
const RESTART_PAUSE_MS = 1_000;

/**
 * The way out of a mesh: takes connections in the node namespace and makes them anew in the machine's network, as any
 * program of this machine would. So nothing of the machine's network is changed, and its firewall, VPN and routes hold.
 */
export interface Relay {
  /** Resolves when it takes connections, or has failed. */
  readonly started: Promise<void>;
  readonly problems: () => readonly Problem[];
  stop(): Promise<void>;
}

export interface RelayOptions {
  /** The Envoy binary. */
  readonly envoy: string;
  /** The file of the node namespace. */
  readonly nodeNamespace: string;
  /** A descriptor of the machine's network namespace. */
  readonly hostNetwork: number;
  readonly log: (message: string) => void;
}

/** Starts it, and again whenever it ends. Runs in the node namespace. */
export function startRelay({ envoy, nodeNamespace, hostNetwork, log }: RelayOptions): Relay {
  const configuration = JSON.stringify(relayConfiguration(nodeNamespace));
  const command = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"];
  let child: ChildProcess;
  let timer: NodeJS.Timeout | undefined;
  let failure: string | undefined;

  async function start(): Promise<void> {
    child = spawn(
      "nsenter",
      // It lives in a network that a crashed mesh's sweep does not look at, so it must end with this process.
      [
        "--net=/proc/self/fd/3",
        "setpriv",
        "--pdeathsig=KILL",
        envoy,
        ...command,
        "--config-yaml",
        configuration,
      ],
      { stdio: ["ignore", "ignore", "pipe", hostNetwork] },
    );
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
    child.on("error", (error) => (said = error.message));
    const ended = new AbortController();
    child.on("close", () => {
      ended.abort();
      failure = said.trim().split("\n").at(-1) || "it ended without a word";
      log(`relay to the outside: ${said.trim() || failure}`);
      timer = setTimeout(() => void start(), RESTART_PAUSE_MS);
    });
    while (!ended.signal.aborted && !(await answers())) await sleep(POLL_MS);
    if (!ended.signal.aborted) failure = undefined;
  }

  return {
    started: start(),
    problems: () => (failure === undefined ? [] : [problem(failure)]),
    async stop() {
      clearTimeout(timer);
      child.removeAllListeners("close");
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Whether somebody listens; what is dialled so has no destination, and is closed. */
function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(RELAY_PORT, NODE_ADDRESS);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function problem(failure: string): Problem {
  return {
    severity: "warning",
    message: `nothing outside of the mesh can be reached, as the relay to it does not run (${failure}); the rest works`,
  };
}
