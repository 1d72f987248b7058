// Starts the bench-only control plane as a process of its own and talks to it.
import { fork } from "node:child_process";
import { join } from "node:path";
import { controlPlaneNodeOptions } from "#runtime/node-options.ts";
import type { Target } from "../load-client/messages.ts";
import type { ServerCommand, ServerEvent } from "./server.ts";
import type { MeshSize } from "./synthetic-mesh.ts";

export interface ServerProcess {
  readonly pid: number;
  readonly target: Target;
  /** One for each proxy. */
  readonly tokens: readonly string[];
  /** Makes a change and gives the time when it was made (monotonic ms). */
  change(command: ServerCommand): Promise<number>;
  close(): Promise<void>;
}

const serverName = "heddle.heddle-system.svc";

/** `HEDDLE_BENCH_PROFILE=DIR` writes a CPU profile of each server there when it ends. */
export async function startServer(size: MeshSize, secured: boolean): Promise<ServerProcess> {
  const profiles = process.env.HEDDLE_BENCH_PROFILE;
  const child = fork(join(import.meta.dirname, "server.ts"), {
    execArgv: [
      ...controlPlaneNodeOptions,
      ...(profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles]),
    ],
  });
  const exited = new Promise<never>((_resolve, reject) =>
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`))),
  );
  exited.catch(() => {});
  const ask = async (command: ServerCommand): Promise<ServerEvent> => {
    const answer = new Promise<ServerEvent>((resolve) => child.once("message", resolve));
    child.send(command);
    return Promise.race([answer, exited]);
  };
  const started = await ask({ kind: "start", size, secured });
  if (started.kind !== "started") throw new Error(`the server answers ${started.kind}`);
  return {
    pid: child.pid ?? 0,
    target: { address: `127.0.0.1:${started.port}`, rootPem: started.rootPem, serverName },
    tokens: started.tokens,
    change: async (command) => {
      const answer = await ask(command);
      if (answer.kind !== "changed") throw new Error(`the server answers ${answer.kind}`);
      return answer.at;
    },
    close: async () => {
      child.disconnect();
      await exited.catch(() => {});
    },
  };
}
