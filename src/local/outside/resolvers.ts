// The DNS servers of the world outside of a mesh, and questions to them.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect, isIPv6 } from "node:net";

const PORT = 53;
const PATIENCE_MS = 2_000;

/** The addresses of `nameserver` lines; none where there is no such file. */
export function resolversOfMachine(file = "/etc/resolv.conf"): readonly string[] {
  try {
    return resolversIn(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}

/** https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
export function resolversIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => /^\s*nameserver\s+([\w.:%-]+)\s*$/.exec(line)?.[1] ?? []);
}

/** How a question is sent, as the one who asks has sent it: long answers go by TCP alone. */
export type Transport = "udp" | "tcp";

/** The answer of the first server that gives one, as it came; undefined if none does. Both without TCP's length. */
export async function askResolvers(
  question: Buffer,
  resolvers: readonly string[],
  transport: Transport,
): Promise<Buffer | undefined> {
  for (const resolver of resolvers) {
    const answer = await (transport === "udp" ? askByDatagram : askByStream)(question, resolver);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function askByDatagram(question: Buffer, resolver: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(resolver) ? "udp6" : "udp4");
    const end = (answer: Buffer | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(undefined), PATIENCE_MS);
    socket.on("error", () => end(undefined));
    socket.on("message", (message) => {
      if (message.subarray(0, 2).equals(question.subarray(0, 2))) end(message);
    });
    // Connected, so that a machine without such a server says so at once, and no other may answer.
    socket.on("connect", () => socket.send(question));
    socket.connect(PORT, resolver);
  });
}

function askByStream(question: Buffer, resolver: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: resolver, port: PORT, timeout: PATIENCE_MS });
    let received = Buffer.alloc(0);
    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.length);
      socket.write(Buffer.concat([length, question]));
    });
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        resolve(received.subarray(2, received.readUInt16BE(0) + 2));
        socket.destroy();
      }
    });
    socket.on("timeout", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve(undefined));
  });
}
