// What is on the wire between pods: a packet capture on the bridge of their node.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

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
  // It says "listening on" once it captures.
  await once(tcpdump.stderr, "data");
  try {
    await action();
    await sleep(300);
  } finally {
    tcpdump.kill("SIGTERM");
    await once(tcpdump, "close");
  }
  return Buffer.concat(chunks).toString("latin1");
}
