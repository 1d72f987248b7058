import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";

/** What the stand-in application saw of a request; the answer's body, as JSON. */
export interface SeenRequest {
  /** Who answers. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bodyBytes: number;
  /** The first 64 KiB of it. */
  readonly body: string;
  readonly remoteAddress: string;
  readonly localAddress: string;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

async function see(request: Request, name: string): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { socket } = request;
  return {
    name,
    method: request.method ?? "",
    path: request.url ?? "",
    httpVersion: request.httpVersion,
    headers: { ...request.headers },
    rawHeaders: request.rawHeaders,
    bodyBytes: body.length,
    body: body.toString("utf8", 0, 65_536),
    remoteAddress: `${socket.remoteAddress}:${socket.remotePort}`,
    localAddress: `${socket.localAddress}:${socket.localPort}`,
  };
}

/** `?status=503`, `?fails=NAME` for a 503 by that one alone, `?delay=MS` before the answer, `?bytes=N` of padding instead of it, `?chunks=N&interval=MS` as a stream. */
async function answer(request: Request, response: Response, name: string): Promise<void> {
  const query = new URL(request.url ?? "/", "http://here").searchParams;
  const seen = await see(request, name);
  await sleep(Number(query.get("delay") ?? 0));
  const bytes = query.get("bytes");
  const chunks = Number(query.get("chunks") ?? 0);
  const text = bytes === null ? `${JSON.stringify(seen)}\n` : "x".repeat(Number(bytes));
  response.statusCode = query.getAll("fails").includes(name) ? 503 : Number(query.get("status") ?? 200);
  response.setHeader("content-type", "application/json");
  response.setHeader("x-echo-name", name);
  // Both kinds of response have this method; their union has no common signature.
  const write = (part: string) => (response as ServerResponse).write(part);
  for (let index = 0; index < chunks; index++) {
    write(`${index}\n`);
    await sleep(Number(query.get("interval") ?? 0));
  }
  if (chunks === 0) response.setHeader("content-length", Buffer.byteLength(text));
  response.end(chunks === 0 ? text : "");
}

/** What answers requests. */
export function echo(name: string): (request: Request, response: Response) => void {
  return (request, response) => {
    answer(request, response, name).catch(() => response.destroy());
  };
}

/** One port for all: what begins like HTTP/2 is, the rest is HTTP/1.1. */
export function serveHttp(port: number, host: string, name: string): void {
  const onRequest = echo(name);
  const http1 = createHttp1Server(onRequest);
  http1.keepAliveTimeout = 0;
  const http2 = createHttp2Server(onRequest);
  http2.on("sessionError", () => undefined);
  const sockets = new WebSocketServer({ server: http1 });
  sockets.on("connection", (socket, request) => {
    socket.on("error", () => socket.terminate());
    socket.send(JSON.stringify({ name, path: request.url, headers: request.headers }));
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  createServer((socket: Socket) => {
    socket.setNoDelay();
    socket.on("error", () => socket.destroy());
    socket.once("data", (first) => {
      socket.pause();
      socket.unshift(first);
      // An HTTP/2 session reads what is buffered by itself; to resume the socket would lose it.
      if (first.toString("latin1", 0, 3) === "PRI") {
        http2.emit("connection", socket);
      } else {
        http1.emit("connection", socket);
        socket.resume();
      }
    });
  }).listen(port, host);
}
