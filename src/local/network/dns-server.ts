import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { decode, encode, type Packet } from "dns-packet";
import { DNS_ADDRESS } from "../addresses.ts";
import type { AskOutside } from "../outside/names.ts";
import type { Transport } from "../outside/resolvers.ts";
import { aliasOf, answerAlias, answerQuery, type FindService, isOwnName, serverFailure } from "./dns-zone.ts";

const PORT = 53;
/** What fits into a datagram that every resolver takes; longer answers are cut and asked for again by TCP. */
const DATAGRAM_LIMIT = 1232;

/** Answers one message; undefined for what is no DNS. */
type Answer = (message: Buffer, transport: Transport) => Promise<Buffer | undefined>;

/** Serves the names of a mesh by UDP and TCP in its node namespace, until the signal. Other names are asked for outside. */
export async function startDnsServer(
  find: FindService,
  askOutside: AskOutside,
  signal: AbortSignal,
): Promise<void> {
  const answer: Answer = async (message, transport) => {
    const query = parse(message);
    if (query === undefined) return undefined;
    const name = query.questions?.[0]?.name ?? "";
    const alias = aliasOf(name, find);
    if (alias !== undefined) return encoded(await answerOfAlias(query, alias), transport);
    if (isOwnName(name)) return encoded(answerQuery(query, find), transport);
    return (await askOutside(message, transport)) ?? encoded(serverFailure(query), transport);
  };
  const answerOfAlias = async (query: Packet, host: string): Promise<Packet> => {
    const asked = { ...query, questions: (query.questions ?? []).map((each) => ({ ...each, name: host })) };
    if (isOwnName(host)) return answerAlias(query, host, answerQuery(asked, find));
    const found = await askOutside(encode(asked), "udp");
    return answerAlias(query, host, (found && parse(found)) ?? serverFailure(asked));
  };
  await Promise.all([serveDatagrams(answer, signal), serveStreams(answer, signal)]);
}

function encoded(packet: Packet, transport: Transport): Buffer {
  const full = encode(packet);
  return transport === "tcp" || full.length <= DATAGRAM_LIMIT ? full : encode(truncated(packet));
}

async function serveDatagrams(answer: Answer, signal: AbortSignal): Promise<void> {
  const socket = createSocket({ type: "udp4", signal });
  socket.on("message", (message, { port, address }) => {
    void answer(message, "udp").then((found) => {
      if (found !== undefined && !signal.aborted) socket.send(found, port, address);
    });
  });
  // A client that has gone away shows as an error of the socket, and is no concern of others.
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.bind(PORT, DNS_ADDRESS, resolve));
}

async function serveStreams(answer: Answer, signal: AbortSignal): Promise<void> {
  const server = createServer((connection) => {
    let received = Buffer.alloc(0);
    connection.on("error", () => connection.destroy());
    connection.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        const length = received.readUInt16BE(0) + 2;
        void answerStream(connection, answer, received.subarray(2, length));
        received = received.subarray(length);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: PORT, host: DNS_ADDRESS, signal }, resolve));
}

async function answerStream(connection: Socket, answer: Answer, message: Buffer): Promise<void> {
  const found = await answer(message, "tcp");
  if (found === undefined) {
    connection.destroy();
    return;
  }
  const length = Buffer.alloc(2);
  length.writeUInt16BE(found.length);
  connection.write(Buffer.concat([length, found]));
}

function parse(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined; // Not DNS.
  }
}

function truncated(answer: Packet): Packet {
  const truncation = 0x0200;
  return { ...answer, flags: (answer.flags ?? 0) | truncation, answers: [] };
}
