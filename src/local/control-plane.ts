import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlPlaneNodeOptions } from "#runtime/node-options.ts";
import { programFile } from "#runtime/program.ts";
import { CONTROL_PLANE_PORT, NODE_ADDRESS } from "./addresses.ts";
import type { StateDirectory } from "./state-directory.ts";

const MAIN = programFile("main");
const LONGEST_PAUSE_MS = 5_000;
/** Having run this long, it is restarted at once. */
const PROVEN_MS = 10_000;
const GRACE_MS = 5_000;

export interface ControlPlane {
  readonly pid: () => number | undefined;
  readonly restarts: () => number;
  stop(): Promise<void>;
}

/** Runs the control plane of a mesh as a child, in the network of its parent, and again whenever it ends. */
export function startControlPlane(
  state: StateDirectory,
  paths: readonly string[],
  outboundTrafficPolicy: string,
): ControlPlane {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let restarts = 0;
  let pauseMs = 0;

  function start(): void {
    const log = openSync(join(state.logs, "control-plane.log"), "a", 0o600);
    const begun = performance.now();
    const listen = `${NODE_ADDRESS}:${CONTROL_PLANE_PORT}`;
    const settings = [
      "--state",
      state.root,
      "--listen",
      listen,
      "--outbound-traffic-policy",
      outboundTrafficPolicy,
    ];
    const args = [...controlPlaneNodeOptions, MAIN, ...settings, ...paths];
    const started = spawn(process.execPath, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    child = started;
    if (started.pid !== undefined) writeFileSync(state.controlPlanePid, `${started.pid}\n`);
    started.on("exit", () => {
      child = undefined;
      rmSync(state.controlPlanePid, { force: true });
      if (stopping) return;
      restarts++;
      if (performance.now() - begun > PROVEN_MS) pauseMs = 0;
      timer = setTimeout(start, pauseMs);
      pauseMs = Math.min(Math.max(pauseMs * 2, 500), LONGEST_PAUSE_MS);
    });
  }

  start();
  return {
    pid: () => child?.pid,
    restarts: () => restarts,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running === undefined) return;
      const ended = new Promise((resolve) => running.once("exit", resolve));
      running.kill("SIGTERM");
      const kill = setTimeout(() => running.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(kill);
    },
  };
}
