// Names outside of the mesh, asked for as this machine itself would: its resolver often listens on a loopback address.
import { type ChildProcess, spawn } from "node:child_process";
import { programFile } from "#runtime/program.ts";
import type { AnswerMessage, QuestionMessage } from "./names-main.ts";
import type { Transport } from "./resolvers.ts";

const PROGRAM = programFile("local/outside/names-main");

/** The answer of the machine's resolvers to one DNS message; undefined if none answers. */
export type AskOutside = (question: Buffer, transport: Transport) => Promise<Buffer | undefined>;

/**
 * Asks by a program in the machine's network, of which `hostNetwork` is a descriptor: at `resolver`, or at the servers
 * that /etc/resolv.conf names at that moment. It starts with the first question, and ends with this process at the
 * latest.
 */
export function askInNetwork(
  hostNetwork: number,
  resolver: string | undefined,
  signal: AbortSignal,
): AskOutside {
  const waiting = new Map<number, (answer: Buffer | undefined) => void>();
  let asker: ChildProcess | undefined;
  let last = 0;

  function settle(id: number, answer: Buffer | undefined): void {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  }

  function start(): ChildProcess {
    const program = [process.execPath, "--disable-warning=ExperimentalWarning", PROGRAM];
    const started = spawn(
      "nsenter",
      ["--net=/proc/self/fd/3", ...program, ...(resolver === undefined ? [] : [resolver])],
      { stdio: ["ignore", "inherit", "inherit", hostNetwork, "ipc"], serialization: "advanced", signal },
    );
    started.on("message", ({ id, answer }: AnswerMessage) =>
      settle(id, answer === undefined ? undefined : Buffer.from(answer)),
    );
    // The next question starts another one.
    started.on("error", () => {});
    started.on("close", () => {
      if (asker === started) asker = undefined;
      for (const id of waiting.keys()) settle(id, undefined);
    });
    return started;
  }

  return (question, transport) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined);
      asker ??= start();
      const id = last++;
      waiting.set(id, resolve);
      asker.send({ id, question, transport } satisfies QuestionMessage, (error) => {
        if (error !== null) settle(id, undefined);
      });
    });
}
