import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { decode, encode, type Packet, streamDecode, streamEncode } from "dns-packet";
import { DNS_ADDRESS } from "./addresses.ts";
import { answerQuery, type FindService } from "./dns-zone.ts";

const PORT = 53;
/** What fits into a datagram that every resolver takes; longer answers are cut and asked for again by TCP. */
const DATAGRAM_LIMIT = 1232;

/** Serves the names of a mesh by UDP and TCP in its node namespace, until the signal. */
export async function startDnsServer(find: FindService, signal: AbortSignal): Promise<void> {
  await Promise.all([serveDatagrams(find, signal), serveStreams(find, signal)]);
}

async function serveDatagrams(find: FindService, signal: AbortSignal): Promise<void> {
  const socket = createSocket({ type: "udp4", signal });
  socket.on("message", (message, peer) => {
    const query = parse(() => decode(message));
    if (query === undefined) return;
    const answer = answerQuery(query, find);
    const full = encode(answer);
    socket.send(full.length <= DATAGRAM_LIMIT ? full : encode(truncated(answer)), peer.port, peer.address);
  });
  // A client that has gone away shows as an error of the socket, and is no concern of others.
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.bind(PORT, DNS_ADDRESS, resolve));
}

async function serveStreams(find: FindService, signal: AbortSignal): Promise<void> {
  const server = createServer((connection) => {
    let received = Buffer.alloc(0);
    connection.on("error", () => connection.destroy());
    connection.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        const length = received.readUInt16BE(0) + 2;
        const message = received.subarray(0, length);
        received = received.subarray(length);
        const query = parse(() => streamDecode(message));
        if (query !== undefined) connection.write(streamEncode(answerQuery(query, find)));
        else connection.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: PORT, host: DNS_ADDRESS, signal }, resolve));
}

function parse(read: () => Packet): Packet | undefined {
  try {
    return read();
  } catch {
    return undefined; // Not DNS.
  }
}

function truncated(answer: Packet): Packet {
  const truncation = 0x0200;
  return { ...answer, flags: (answer.flags ?? 0) | truncation, answers: [] };
}
