// The program of the supervisor; `heddle up` starts it in the node namespace of the mesh.
// Descriptors: 3 the host's network namespace, 4 the lock of the state directory, and a channel to its launcher.
import { parseArgs } from "node:util";
import { nodeNamespace } from "./network/node-namespace.ts";
import { runProgram } from "./run-program.ts";
import { clearRun, stateDirectory } from "./state-directory.ts";
import { type Supervisor, startSupervisor } from "./supervisor.ts";

/** What the launcher says; its going away means `stop` unless it has said `detach`. */
export type LauncherMessage = "stop" | "detach";
/** What the supervisor says to its launcher. */
export type SupervisorMessage = "serving" | "detached";

const HOST_NETWORK = 3;

const { values, positionals } = parseArgs({
  options: {
    state: { type: "string" },
    envoy: { type: "string" },
    balancer: { type: "string" },
    "outbound-traffic-policy": { type: "string", default: "ALLOW_ANY" },
    resolver: { type: "string" },
  },
  allowPositionals: true,
});
const state = stateDirectory(values.state ?? "");
const starting = Promise.withResolvers<Supervisor>();
let stopping = false;

function log(message: string): void {
  console.log(`${new Date().toISOString()} ${message}`);
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await starting.promise
    .then((supervisor) => supervisor.stop())
    .catch((error: unknown) => log(`while stopping: ${String(error)}`));
  clearRun(state);
  // The namespace itself goes with its last process, which is this one.
  await runProgram("ip", ["netns", "del", nodeNamespace(state.id)]).catch(() => {});
  process.exit(0);
}

function tell(message: SupervisorMessage, then?: () => void): void {
  process.send?.(message, undefined, {}, () => then?.());
}

// A fault of our own must not take all pods with it.
process.on("unhandledRejection", (error) =>
  log(`fault: ${error instanceof Error ? error.stack : String(error)}`),
);

let detached = false;
process.on("message", (message: LauncherMessage) => {
  if (message === "stop") void stop();
  else {
    detached = true;
    tell("detached", () => process.disconnect());
  }
});
process.on("disconnect", () => {
  if (!detached) void stop();
});
process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());

starting.resolve(
  startSupervisor(
    {
      state,
      paths: positionals,
      envoy: values.envoy ?? "",
      balancer: values.balancer,
      outboundTrafficPolicy: values["outbound-traffic-policy"],
      resolver: values.resolver,
      hostNetwork: HOST_NETWORK,
      log,
    },
    () => void stop(),
  ),
);
await starting.promise;
tell("serving");
