// Stock: how many copies are left, in a key-value store that speaks a small part of the Redis protocol (RESP).
import { createServer, type Socket } from "node:net";
import { books } from "./books.ts";
import { readCommands } from "./resp.ts";
import { serveTcp } from "./service.ts";

const values = new Map(books.map(({ id }, index) => [`stock:${id}`, String(5 + ((index * 7) % 12))]));

function bulk(value: string | undefined): string {
  return value === undefined ? "$-1\r\n" : `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
}

function add(key: string, amount: number): string {
  const sum = Number(values.get(key) ?? 0) + amount;
  if (!Number.isSafeInteger(sum)) return "-ERR value is not an integer\r\n";
  values.set(key, String(sum));
  return `:${sum}\r\n`;
}

function execute([name = "", key = "", value = "", ...rest]: readonly string[]): string {
  switch (name.toUpperCase()) {
    case "PING":
      return "+PONG\r\n";
    case "GET":
      return bulk(values.get(key));
    case "MGET": {
      const keys = [key, value, ...rest].filter((each) => each !== "");
      return `*${keys.length}\r\n${keys.map((each) => bulk(values.get(each))).join("")}`;
    }
    case "SET":
      values.set(key, value);
      return "+OK\r\n";
    case "INCRBY":
      return add(key, Number(value));
    case "DECR":
      return add(key, -1);
    default:
      return `-ERR unknown command '${name}'\r\n`;
  }
}

function serve(socket: Socket): void {
  socket.setNoDelay();
  socket.on("error", () => socket.destroy());
  readCommands(
    socket,
    (command) => socket.write(execute(command)),
    () => socket.end("-ERR Protocol error\r\n"),
  );
}

serveTcp(createServer(serve), 6379);
