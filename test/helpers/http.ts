// HTTP for tests: an echo application that speaks HTTP/1.1, HTTP/2 without TLS, gRPC framing and upgrades on
// one port, and a client over any socket (one of another namespace, too).
import http, { type IncomingHttpHeaders } from "node:http";
import http2, { type IncomingHttpHeaders as Http2Headers } from "node:http2";
import net from "node:net";

/** What the echo application says about the request that reached it, as JSON. */
export interface Echo {
  readonly app: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes: number;
  readonly httpVersion: string;
  readonly peer: string;
}

/** A running application. */
export interface EchoApp {
  /** How many requests reached it. */
  requests(): number;
  close(): void;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, echo: Echo) => void;

/** Answers every request by an `Echo`, unless `handle` answers in its place. HTTP/2 streams echo their data. */
export function startEcho(listener: net.Server, name = "echo", handle?: Handler): EchoApp {
  let count = 0;
  const onRequest = (incoming: http.IncomingMessage, response: http.ServerResponse): void => {
    let bytes = 0;
    count++;
    incoming.on("data", (chunk: Buffer) => (bytes += chunk.length));
    incoming.on("end", () => {
      const { method = "", url = "", headers, httpVersion } = incoming;
      const peer = incoming.socket.remoteAddress ?? "";
      const echo: Echo = { app: name, method, url, headers, bytes, httpVersion, peer };
      if (handle !== undefined) handle(incoming, response, echo);
      else response.end(JSON.stringify(echo));
    });
  };
  // It closes no connection that a proxy is about to use again.
  const one = http.createServer({ keepAliveTimeout: 0 }, onRequest);
  one.on("upgrade", (_request, socket: net.Socket) => {
    count++;
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    socket.pipe(socket).on("error", () => {});
  });
  const two = http2.createServer();
  two.on("request", (incoming, response) => {
    if (incoming.headers["content-type"] === "application/grpc") {
      count++;
      response.writeHead(200, { "content-type": "application/grpc" });
      response.addTrailers({ "grpc-status": "0" });
      incoming.pipe(response).on("error", () => {});
    } else onRequest(incoming as unknown as http.IncomingMessage, response as unknown as http.ServerResponse);
  });
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first.toString("latin1").startsWith("PRI ")) two.emit("connection", socket);
      else one.emit("connection", socket.resume());
    });
  });
  server.listen(listener);
  return {
    requests: () => count,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** One request of HTTP/1.1 or HTTP/2. */
export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Sends the body in chunks of 64 kB, without content-length. */
  readonly chunked?: boolean;
}

/** What came back. `informational` are statuses such as 100. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders | Http2Headers;
  readonly body: string;
  readonly informational: readonly number[];
  /** The body as the echo application's JSON; throws on anything else. */
  echo(): Echo;
}

const parseEcho = (status: number, body: string): Echo => {
  if (!body.startsWith("{")) throw new Error(`not an echo, ${status}: ${body}`);
  return JSON.parse(body) as Echo;
};

/** One HTTP/1.1 request over `socket`, or over a kept-alive connection of `agent`. */
export function request(over: net.Socket | http.Agent, ask: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", path = "/", headers = {}, body, chunked = false } = ask;
    const informational: number[] = [];
    const length = body === undefined || chunked ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const connection = over instanceof http.Agent ? { agent: over } : { createConnection: () => over };
    const outgoing = http.request({ method, path, headers: { ...length, ...headers }, ...connection });
    outgoing.on("information", ({ statusCode }) => informational.push(statusCode));
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      response.on("error", reject).on("end", () => {
        const status = response.statusCode ?? 0;
        resolve({
          status,
          headers: response.headers,
          body: text,
          informational,
          echo: () => parseEcho(status, text),
        });
      });
    });
    const send = (): void => {
      const bytes = Buffer.from(body ?? "");
      if (chunked)
        for (let at = 0; at < bytes.length; at += 65_536) outgoing.write(bytes.subarray(at, at + 65_536));
      else outgoing.write(bytes);
      outgoing.end();
    };
    if (headers.expect === "100-continue") {
      outgoing.flushHeaders();
      outgoing.on("continue", send);
    } else send();
  });
}

/** An HTTP/2 connection without TLS, prior knowledge, over `socket`. */
export function http2Session(socket: net.Socket): http2.ClientHttp2Session {
  const session = http2.connect("http://ignored", { createConnection: () => socket });
  session.on("error", () => {});
  return session;
}

/** One request over an HTTP/2 connection. */
export function request2(
  session: http2.ClientHttp2Session,
  ask: Ask & { readonly authority?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", path = "/", headers = {}, body, authority = "ignored" } = ask;
    const stream = session.request({ ":method": method, ":path": path, ":authority": authority, ...headers });
    let head: Http2Headers = {};
    let text = "";
    stream.on("response", (responseHeaders) => (head = responseHeaders)).on("error", reject);
    stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    stream.on("end", () => {
      const status = Number(head[":status"]);
      resolve({ status, headers: head, body: text, informational: [], echo: () => parseEcho(status, text) });
    });
    stream.end(body);
  });
}

/** Sends each message on one gRPC stream after the echo of the one before; gives the echoes and `grpc-status`. */
export function grpcExchange(
  session: http2.ClientHttp2Session,
  authority: string,
  messages: readonly string[],
): Promise<{ readonly echoes: readonly string[]; readonly grpcStatus: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.Echo/Stream",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const echoes: string[] = [];
    const next = (): void => {
      const message = messages[echoes.length];
      if (message === undefined) stream.end();
      else stream.write(grpcFrame(message));
    };
    let status = "none";
    stream.on("response", (headers) => (status = String(headers["grpc-status"] ?? status)));
    stream.on("trailers", (headers) => (status = String(headers["grpc-status"] ?? status)));
    stream.on("data", (chunk: Buffer) => {
      echoes.push(chunk.subarray(5).toString());
      next();
    });
    stream.on("end", () => resolve({ echoes, grpcStatus: status })).on("error", reject);
    next();
  });
}

function grpcFrame(message: string): Buffer {
  const frame = Buffer.alloc(5 + Buffer.byteLength(message));
  frame.writeUInt32BE(Buffer.byteLength(message), 1);
  frame.write(message, 5);
  return frame;
}

/** Upgrades `socket` to "websocket" and echoes one message over it; gives the status line and the echo. */
export async function websocketEcho(
  socket: net.Socket,
  host: string,
  message: string,
): Promise<readonly [string, string]> {
  socket.write(`GET /ws HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
  const head = await readUntil(socket, "\r\n\r\n");
  const statusLine = head.split("\r\n")[0] ?? "";
  if (!statusLine.includes("101")) return [statusLine, ""];
  socket.write(message);
  return [statusLine, await readUntil(socket, message)];
}

/** Reads text until `end` has come; throws with what came if the connection ends before. */
export function readUntil(socket: net.Socket, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!text.includes(end)) return;
      socket.off("data", onData).off("close", onClose).pause();
      resolve(text);
    };
    const onClose = (): void => reject(new Error(`the connection ended after ${JSON.stringify(text)}`));
    socket
      .on("data", onData)
      .on("close", onClose)
      .on("error", () => {});
    socket.resume();
  });
}
