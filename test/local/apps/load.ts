// Calls addresses at a constant rate for as long as it runs, and counts what becomes of it.
//   load.ts --rate CALLS_PER_SECOND URL...      each address in turn; http://… HTTP/1.1, h2://… HTTP/2, grpc://… gRPC
//   --post       every other call of HTTP is a POST
// GET http://127.0.0.1:9999/ gives the counts since the last such GET (see Counts).
// Each call has a number of its own in the header x-call, which no other call of this process has. While too many calls
// are under way no more are made: on a machine that cannot keep up they would only fail for want of time.
import { Agent, createServer, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { parseArgs } from "node:util";

export interface Counts {
  readonly succeeded: number;
  /** What went wrong, one for each call that failed. */
  readonly failures: readonly string[];
  /** Of the calls that succeeded, in milliseconds. */
  readonly slowest: number;
  /** x-call of the calls that succeeded. */
  readonly calls: readonly string[];
  /** How often each application answered, by its x-echo-name. */
  readonly answered: Readonly<Record<string, number>>;
  /** For how long the oldest of the calls that are under way has waited, in milliseconds; 0 if none is. */
  readonly longestWait: number;
}

const { values: flags, positionals: urls } = parseArgs({
  allowPositionals: true,
  options: { rate: { type: "string", default: "50" }, post: { type: "boolean", default: false } },
});
/** Of a call that is lost, which no slow machine explains. */
const timeoutMs = 60_000;
const mostUnderWay = 100;
const agent = new Agent({ keepAlive: true });
const sessions = new Map<string, ClientHttp2Session>();

interface Answered {
  readonly status: number;
  readonly name: string;
  readonly text: string;
}

function http1(url: URL, method: string, id: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { agent, method, headers: { "x-call": id }, timeout: timeoutMs };
    const asked = httpRequest(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, name: String(response.headers["x-echo-name"]), text }),
      );
    });
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.on("error", reject);
    asked.end(method === "POST" ? "body" : "");
  });
}

function session(host: string): ClientHttp2Session {
  const known = sessions.get(host);
  if (known !== undefined && !known.closed && !known.destroyed) return known;
  const made = connect(`http://${host}`);
  const forget = (): void => void (sessions.get(host) === made && sessions.delete(host));
  made.on("error", forget).on("goaway", forget).on("close", forget);
  sessions.set(host, made);
  return made;
}

function http2(url: URL, method: string, id: string): Promise<Answered> {
  const grpc = url.protocol === "grpc:";
  return new Promise((resolve, reject) => {
    const stream = session(url.host).request({
      ":method": grpc ? "POST" : method,
      ":path": url.pathname,
      ":authority": url.host,
      "x-call": id,
      ...(grpc && { "content-type": "application/grpc", te: "trailers" }),
    });
    let status = 0;
    let grpcStatus: string | undefined;
    let name = "";
    let text = "";
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      name = String(headers["x-echo-name"]);
      grpcStatus = headers["grpc-status"] as string | undefined;
    });
    stream.on("trailers", (trailers) => (grpcStatus = trailers["grpc-status"] as string | undefined));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    stream.on("error", reject).on("aborted", () => reject(new Error("aborted")));
    stream.on("end", () => {
      if (grpc && grpcStatus !== "0") resolve({ status: 500, name, text: `grpc-status ${grpcStatus}` });
      else resolve({ status, name, text });
    });
    stream.setTimeout(timeoutMs, () => stream.destroy(new Error("timeout")));
    stream.end(grpc ? Buffer.from([0, 0, 0, 0, 0]) : method === "POST" ? "body" : undefined);
  });
}

let succeeded: string[] = [];
let failures: string[] = [];
let answered: Record<string, number> = {};
let slowest = 0;
/** When each call that is under way began, the oldest first. */
const begun = new Map<string, number>();
let sent = 0;

async function callNext(): Promise<void> {
  const number = sent++;
  const url = new URL(urls[number % urls.length] ?? "");
  const method = flags.post && Math.floor(number / urls.length) % 2 === 1 ? "POST" : "GET";
  const id = `${process.pid}-${number}`;
  const start = performance.now();
  begun.set(id, start);
  try {
    const { status, name, text } = await (url.protocol === "http:" ? http1 : http2)(url, method, id);
    if (status !== 200) throw new Error(`${status} ${text.slice(0, 200)}`);
    succeeded.push(id);
    answered[name] = (answered[name] ?? 0) + 1;
    slowest = Math.max(slowest, performance.now() - start);
  } catch (error) {
    const after = Math.round(performance.now() - start);
    failures.push(`${new Date().toISOString()} ${method} ${url.href} after ${after} ms: ${String(error)}`);
  } finally {
    begun.delete(id);
  }
}

let due = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  due += ((now - last) / 1000) * Number(flags.rate);
  last = now;
  for (; due >= 1 && begun.size < mostUnderWay; due--) void callNext();
  // What was left out is not made up for.
  due = Math.min(due, 1);
}, 5);

createServer((_request, response) => {
  const [oldest = performance.now()] = begun.values();
  const counts: Counts = {
    succeeded: succeeded.length,
    failures,
    slowest,
    calls: succeeded,
    answered,
    longestWait: performance.now() - oldest,
  };
  [succeeded, failures, answered, slowest] = [[], [], {}, 0];
  response.end(JSON.stringify(counts));
}).listen(9999, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
