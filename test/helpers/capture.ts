// What is on the wire between pods: a packet capture on the bridge of their node.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "./wait.ts";

/** A bridge, and the path of the network namespace that it is in. */
export interface Bridge {
  readonly namespace: string;
  readonly name: string;
}

/** Every byte of TCP that crosses a bridge while `action` runs, as Latin-1 text. */
export async function capture(bridge: Bridge, action: () => Promise<void>): Promise<string> {
  const command = ["tcpdump", "-i", bridge.name, "-U", "--immediate-mode", "-s", "0", "-w", "-", "tcp"];
  const tcpdump = spawn("nsenter", [`--net=${bridge.namespace}`, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  tcpdump.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  let said = "";
  tcpdump.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await until(() => said.includes("listening on"), "the capture to begin");
  /** How many packets have passed, and how many of them were written, whenever it is asked. */
  const count = async (): Promise<readonly [passed: number, written: number]> => {
    said = "";
    tcpdump.kill("SIGUSR1");
    const answer = /(\d+) packets? captured.*?(\d+) packets? received by filter/s;
    await until(() => answer.test(said), "the capture to tell what it has");
    const [, written, passed] = answer.exec(said) ?? [];
    return [Number(passed), Number(written)];
  };
  try {
    await action();
    const [passed] = await count();
    await until(async () => (await count())[1] >= passed, "the capture to be written");
  } finally {
    tcpdump.kill("SIGTERM");
    await once(tcpdump, "close");
  }
  return Buffer.concat(chunks).toString("latin1");
}
