// What is on the wire between the pods of a mesh: a packet capture on its bridge.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Mesh } from "./mesh.ts";

/** Every byte that crosses the bridge of the mesh's node while `action` runs, as Latin-1 text. */
export async function capture(mesh: Mesh, action: () => Promise<void>): Promise<string> {
  const namespace = `/run/netns/${(await mesh.summary()).networkNamespace}`;
  const command = ["tcpdump", "-i", "br0", "-U", "--immediate-mode", "-s", "0", "-w", "-", "tcp"];
  const tcpdump = spawn("nsenter", [`--net=${namespace}`, ...command], { stdio: ["ignore", "pipe", "pipe"] });
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
