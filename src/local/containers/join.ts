import { spawn } from "node:child_process";
import { privateShell, withScript } from "./private-script.ts";
import type { Check } from "./probe.ts";
import { joinScript, type Setup } from "./setup-script.ts";

/** What a further command needs to run in a container as its first one does. */
export type JoinSettings = Pick<Setup, "workingDirectory" | "credentials" | "environment">;

/** How the host runs a command inside a container: its own command line, and the script for the shell in it. */
export interface Join {
  readonly command: readonly string[];
  /** For `withScript`. */
  readonly script: string;
}

/** Runs `command` inside the container whose first process is `pid`. Pure. */
export function joinCommand(pid: number, settings: JoinSettings, command: readonly string[]): Join {
  // The command ends with the one who asked for it.
  const credentials = [...settings.credentials, "--pdeathsig=KILL"];
  return {
    command: ["nsenter", `--target=${pid}`, "--mount", "--uts", "--net", "--pid", ...privateShell],
    script: joinScript({ ...settings, credentials, command }),
  };
}

/** A check that runs a command in the container and succeeds if it ends with 0 in time. */
export function execCheck(pid: number, settings: JoinSettings, command: readonly string[]): Check {
  return (timeoutMs) =>
    new Promise((resolve) => {
      const join = joinCommand(pid, settings, command);
      const [program = "", ...args] = join.command;
      const env = withScript(join.script);
      const child = spawn(program, args, { stdio: "ignore", env, timeout: timeoutMs, killSignal: "SIGKILL" });
      child.on("error", (error) => resolve(`${command.join(" ")}: ${error.message}`));
      child.on("exit", (code, signal) =>
        resolve(code === 0 ? undefined : `${command.join(" ")} ended with ${code ?? signal}`),
      );
    });
}
