// Runs commands inside a pod without a new `heddle exec` for each, which costs more than most of them. Every line on
// standard input is one, `{"id", "command"}`; every line on standard output tells how one ended. A program of this
// directory runs in a thread of its own, anything else as a process.
import { spawn } from "node:child_process";
import { enableCompileCache } from "node:module";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";

/** A command; `id` is the caller's. */
export interface Order {
  readonly id: number;
  readonly command: readonly string[];
}

/** How it ended. */
export interface Outcome {
  readonly id: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly code: Promise<number>;
}

function inThread([file = "", ...argv]: readonly string[]): Running {
  const worker = new Worker(file, { argv, stdout: true, stderr: true });
  let broken = "";
  worker.on("error", (error) => (broken = String(error)));
  const code = new Promise<number>((resolve) =>
    worker.on("exit", (exitCode) => resolve(broken === "" ? exitCode : 1)),
  );
  return { stdout: worker.stdout, stderr: worker.stderr, code };
}

function asProcess([program = "", ...args]: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const code = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (exitCode) => resolve(exitCode ?? 1));
  });
  return { stdout: child.stdout, stderr: child.stderr, code };
}

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
  return text;
}

async function carryOut({ id, command }: Order): Promise<Outcome> {
  const [program = "", file = ""] = command;
  const isOurs = program === "node" && dirname(file) === import.meta.dirname;
  try {
    const running = isOurs ? inThread(command.slice(1)) : asProcess(command);
    const [code, stdout, stderr] = await Promise.all([
      running.code,
      textOf(running.stdout),
      textOf(running.stderr),
    ]);
    return { id, code, stdout, stderr };
  } catch (error) {
    return { id, code: 127, stdout: "", stderr: String(error) };
  }
}

enableCompileCache();
for await (const line of createInterface({ input: process.stdin })) {
  void carryOut(JSON.parse(line) as Order).then((outcome) => console.log(JSON.stringify(outcome)));
}
process.exit();
