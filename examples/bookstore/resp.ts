import { connect, type Socket } from "node:net";

/** What a server of the Redis protocol answers. https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export type Reply = string | number | null | Error | readonly Reply[];

interface Parsed<T> {
  readonly value: T;
  /** The offset after it. */
  readonly next: number;
}

/** Reads one value that starts at `offset`; nothing when it is not all there yet. Throws on what is no RESP. */
function parse(bytes: Buffer, offset: number): Parsed<Reply> | undefined {
  const end = bytes.indexOf("\r\n", offset);
  if (end < 0) return undefined;
  const kind = String.fromCharCode(bytes[offset] ?? 0);
  const line = bytes.toString("utf8", offset + 1, end);
  const next = end + 2;
  switch (kind) {
    case "+":
      return { value: line, next };
    case "-":
      return { value: new Error(line), next };
    case ":":
      return { value: Number(line), next };
    case "$":
      return parseBulk(bytes, Number(line), next);
    case "*":
      return parseArray(bytes, Number(line), next);
    default:
      throw new Error(`not RESP: ${JSON.stringify(kind)}`);
  }
}

function parseBulk(bytes: Buffer, length: number, start: number): Parsed<Reply> | undefined {
  if (length < 0) return { value: null, next: start };
  const end = start + length;
  return bytes.length < end + 2 ? undefined : { value: bytes.toString("utf8", start, end), next: end + 2 };
}

function parseArray(bytes: Buffer, length: number, start: number): Parsed<Reply> | undefined {
  const items: Reply[] = [];
  let next = start;
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, next);
    if (!item) return undefined;
    items.push(item.value);
    next = item.next;
  }
  return { value: items, next };
}

/** Calls `onValue` for each value that arrives, `onFault` once when what arrives is not the protocol. */
function readValues(socket: Socket, onValue: (value: Reply) => void, onFault: () => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    try {
      for (let found = parse(pending, 0); found; found = parse(pending, 0)) {
        pending = pending.subarray(found.next);
        onValue(found.value);
      }
    } catch {
      socket.removeAllListeners("data");
      onFault();
    }
  });
}

/** The server's side: commands are arrays of strings. */
export function readCommands(
  socket: Socket,
  onCommand: (command: readonly string[]) => void,
  onFault: () => void,
): void {
  readValues(socket, (value) => onCommand(Array.isArray(value) ? value.map(String) : []), onFault);
}

/** The client's side: one connection, commands pipelined, opened when first needed and again after it broke. */
export class RespClient {
  readonly #address: { readonly host: string; readonly port: number };
  #socket: Socket | undefined;
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address;
  }

  /** Rejects when the connection breaks, when the server answers an error, or after two seconds. */
  send(...command: readonly string[]): Promise<Reply> {
    const socket = (this.#socket ??= this.#open());
    return new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error("no answer within 2 s")), 2000);
      this.#waiting.push({
        resolve: (reply) => {
          clearTimeout(timer);
          if (reply instanceof Error) reject(reply);
          else resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
      socket.write(`*${command.length}\r\n${parts.join("")}`);
    });
  }

  #open(): Socket {
    const socket = connect({ ...this.#address, noDelay: true });
    let cause = new Error("the connection was closed");
    socket.on("error", (error) => (cause = error));
    socket.on("close", () => {
      this.#socket = undefined;
      const lost = this.#waiting;
      this.#waiting = [];
      for (const { reject } of lost) reject(cause);
    });
    readValues(
      socket,
      (reply) => this.#waiting.shift()?.resolve(reply),
      () => socket.destroy(new Error("the answer is not RESP")),
    );
    return socket;
  }
}
