// The program of the DNS server outside: answers A questions from the zone that its parent sends. Its argument: where
// it listens.
import { createSocket } from "node:dgram";
import { decode, encode, type Packet } from "dns-packet";
import type { Zone } from "./outside.ts";

let zone: Zone = {};
process.on("message", (next: Zone) => (zone = next));
process.on("disconnect", () => process.exit(0));

function addressesOf(name: string): readonly string[] | undefined {
  const lower = name.toLowerCase();
  return zone[lower] ?? zone[`*.${lower.split(".").slice(1).join(".")}`];
}

function answerOf(query: Packet): Packet {
  const [question] = query.questions ?? [];
  const name = question?.name ?? "";
  const addresses = addressesOf(name);
  return {
    type: "response",
    id: query.id ?? 0,
    flags: 0x0100 | 0x0080 | (addresses === undefined ? 3 : 0),
    questions: query.questions ?? [],
    answers:
      question?.type === "A"
        ? (addresses ?? []).map((data) => ({ type: "A" as const, name, ttl: 1, data }))
        : [],
  };
}

const socket = createSocket("udp4");
socket.on("message", (message, { port, address }) => {
  socket.send(encode(answerOf(decode(message))), port, address);
});
socket.bind(53, process.argv[2], () => process.send?.("serving"));
