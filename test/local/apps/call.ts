// A client for the stand-in application: one call (or --count of them over one connection), its result as one line
// of JSON on stdout each; exit code 1 when any failed.
//   call.ts [flags] http://HOST:PORT/PATH | h2://HOST:PORT/PATH | ws://HOST:PORT/PATH
//                   | grpc://HOST:PORT/unary|stream|chat | tcp://HOST:PORT | greet://HOST:PORT
//                   | tls://HOST:PORT   (sends the body as a line, to the name of --sni, HOST by default)
//   --socket PATH  of http, tcp and greet: not to HOST:PORT but to this socket, @NAME for one in no file system
//   --header NAME:VALUE   may be given several times; "host:…" sets Host
//   --method M  --body TEXT  --body-bytes N  --count N  --interval MS  --timeout MS (default 60000)

import { Agent, request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import { WebSocket } from "ws";
import { EchoClient, type EchoReply } from "./echo-grpc.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    header: { type: "string", multiple: true, default: [] },
    method: { type: "string" },
    body: { type: "string", default: "" },
    "body-bytes": { type: "string", default: "0" },
    count: { type: "string", default: "1" },
    interval: { type: "string", default: "0" },
    timeout: { type: "string", default: "60000" },
    sni: { type: "string" },
    socket: { type: "string" },
  },
});
const target = new URL(positionals[0] ?? "");
const body = flags.body + "x".repeat(Number(flags["body-bytes"]));
const method = flags.method ?? (body === "" ? "GET" : "POST");
const headers = Object.fromEntries(
  flags.header.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }),
);

/** What a call came to. `json` is the answer where it was JSON. */
interface Result {
  readonly ok: boolean;
  readonly status?: number;
  readonly headers?: object;
  readonly json?: unknown;
  readonly text?: string;
  readonly error?: string;
}

function resultOf(status: number, answerHeaders: object, text: string): Result {
  const common = { ok: status < 400, status, headers: answerHeaders };
  try {
    return { ...common, json: JSON.parse(text) as unknown };
  } catch {
    return { ...common, text: text.length > 65_536 ? `${text.length} characters` : text };
  }
}

const socketPath = flags.socket?.replace(/^@/, "\0");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function http1(): Promise<Result> {
  const options = { agent, method, headers, ...(socketPath === undefined ? {} : { socketPath }) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(target, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(resultOf(response.statusCode ?? 0, response.headers, text)));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

const session = target.protocol === "h2:" ? connectHttp2(`http://${target.host}`) : undefined;
session?.on("error", () => undefined);

function http2(): Promise<Result> {
  return new Promise((resolve, reject) => {
    const { host, ...others } = headers;
    const stream = session?.request(
      {
        ":method": method,
        ":path": (target.pathname || "/") + target.search,
        ":authority": host ?? target.host,
        ...others,
      },
      { endStream: body === "" },
    );
    if (!stream) return reject(new Error("no session"));
    let text = "";
    let answerHeaders: Record<string, unknown> = {};
    stream.on("response", (received) => (answerHeaders = { ...received }));
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    stream.on("end", () => resolve(resultOf(Number(answerHeaders[":status"]), answerHeaders, text)));
    stream.on("error", reject);
    if (body !== "") stream.end(body);
    return undefined;
  });
}

/** Sends the body as a message, and waits for the greeting and for the message to come back. */
function webSocket(): Promise<Result> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(target, { headers });
    const messages: string[] = [];
    socket.on("open", () => socket.send(body));
    socket.on("message", (data: Buffer) => {
      messages.push(data.toString());
      if (messages.length === 2) socket.close();
    });
    socket.on("close", (code) =>
      resolve({ ok: messages.length === 2 && messages[1] === body, status: code, json: messages }),
    );
    socket.on("error", reject);
  });
}

const grpcClient =
  target.protocol === "grpc:" ? new EchoClient(target.host, credentials.createInsecure()) : undefined;

function grpc(): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (!grpcClient) return reject(new Error("no client"));
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const request = { text: body, interval: Number(flags.interval) };
    if (target.pathname === "/unary") {
      return grpcClient.unary(
        request,
        metadata,
        { deadline: Date.now() + Number(flags.timeout) },
        (error, reply) =>
          error
            ? resolve({ ok: false, status: error.code, error: error.details })
            : resolve({ ok: true, status: 0, json: reply }),
      );
    }
    const replies: EchoReply[] = [];
    const settle = (status: { readonly code: number; readonly details: string }) =>
      resolve({ ok: status.code === 0, status: status.code, json: replies, error: status.details });
    const chat = target.pathname === "/chat" ? grpcClient.chat(metadata) : undefined;
    const stream = chat ?? grpcClient.stream(request, metadata);
    stream.on("data", (reply: EchoReply) => replies.push(reply));
    stream.on("error", () => undefined);
    stream.on("status", settle);
    chat?.write(request);
    chat?.write(request);
    chat?.end();
    return undefined;
  });
}

/** Sends the body and waits until as much has come back; with `greet`, waits for the server's line first. */
function tcp(greeted: boolean): Promise<Result> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      socketPath === undefined
        ? { host: target.hostname, port: Number(target.port), noDelay: true }
        : { path: socketPath },
    );
    let text = "";
    let greeting: string | undefined;
    if (!greeted) socket.write(body);
    const finish = () => {
      socket.end();
      resolve({ ok: text === body, text, ...(greeting === undefined ? {} : { json: { greeting } }) });
    };
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (greeted && greeting === undefined) {
        const end = text.indexOf("\r\n");
        if (end < 0) return;
        greeting = text.slice(0, end);
        text = text.slice(end + 2);
        socket.write(body);
      }
      if (text.length >= body.length) finish();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${text.length} characters`)));
  });
}

/** Sends the body in TLS, and waits for a line; it does not care who the server is. */
function secure(): Promise<Result> {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = target;
    const socket = connectTls(
      { host, port: Number(port), servername: flags.sni ?? host, rejectUnauthorized: false },
      () => socket.write(`${body}\n`),
    );
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (!text.endsWith("\n")) return;
      socket.end();
      resolve({ ok: true, text: text.trim() });
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${text.length} characters`)));
  });
}

const calls: Readonly<Record<string, () => Promise<Result>>> = {
  "http:": http1,
  "h2:": http2,
  "ws:": webSocket,
  "grpc:": grpc,
  "tcp:": () => tcp(false),
  "tls:": secure,
  "greet:": () => tcp(true),
};

let failed = false;
for (let index = 0; index < Number(flags.count); index++) {
  if (index > 0) await sleep(Number(flags.interval));
  const start = performance.now();
  const call = calls[target.protocol] ?? (() => Promise.reject(new Error(`cannot call ${target.protocol}`)));
  const late = sleep(Number(flags.timeout), { ok: false, error: "timeout" }, { ref: false });
  const result: Result = await Promise.race([call(), late]).catch((error: unknown) => ({
    ok: false,
    error: String(error),
  }));
  failed ||= !result.ok;
  console.log(JSON.stringify({ ...result, ms: Math.round((performance.now() - start) * 100) / 100 }));
}
process.exit(failed ? 1 : 0);
