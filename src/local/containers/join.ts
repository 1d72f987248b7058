import { spawn } from "node:child_process";
import type { Check } from "./probe.ts";
import { joinScript, type Setup } from "./setup-script.ts";

/** What a further command needs to run in a container as its first one does. */
export type JoinSettings = Pick<Setup, "workingDirectory" | "credentials" | "environment">;

/** The host's command line that runs `command` inside the container whose first process is `pid`. Pure. */
export function joinCommand(
  pid: number,
  settings: JoinSettings,
  command: readonly string[],
): readonly string[] {
  // The command ends with the one who asked for it.
  const credentials = [...settings.credentials, "--pdeathsig=KILL"];
  return [
    "nsenter",
    `--target=${pid}`,
    "--mount",
    "--uts",
    "--net",
    "--pid",
    "sh",
    "-c",
    joinScript({ ...settings, credentials, command }),
  ];
}

/** A check that runs a command in the container and succeeds if it ends with 0 in time. */
export function execCheck(pid: number, settings: JoinSettings, command: readonly string[]): Check {
  return (timeoutMs) =>
    new Promise((resolve) => {
      const [program = "", ...args] = joinCommand(pid, settings, command);
      const child = spawn(program, args, { stdio: "ignore", timeout: timeoutMs, killSignal: "SIGKILL" });
      child.on("error", (error) => resolve(`${command.join(" ")}: ${error.message}`));
      child.on("exit", (code, signal) =>
        resolve(code === 0 ? undefined : `${command.join(" ")} ended with ${code ?? signal}`),
      );
    });
}
