import { type StdioOptions, spawn } from "node:child_process";

/** A program of the system that failed: what was run, how it ended, and what it said. */
export class ProgramError extends Error {
  readonly code: number | undefined;

  constructor(program: string, args: readonly string[], code: number | undefined, output: string) {
    super(`${[program, ...args].join(" ")}: ${output.trim() || `ended with ${code ?? "a signal"}`}`);
    this.name = "ProgramError";
    this.code = code;
  }
}

/** Runs a program to its end and gives what it printed. Throws a ProgramError unless it ends with 0. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly stdio?: StdioOptions } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: options.stdio ?? ["pipe", "pipe", "pipe"] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    child.stdin?.on("error", () => {}); // A program may end without reading all of its input.
    child.stdin?.end(options.input ?? "");
    child.on("error", (error) => reject(new ProgramError(program, args, undefined, error.message)));
    child.on("close", (code) => {
      const printed = Buffer.concat(output).toString();
      if (code === 0) resolve(printed);
      else
        reject(
          new ProgramError(program, args, code ?? undefined, Buffer.concat(errors).toString() || printed),
        );
    });
  });
}
