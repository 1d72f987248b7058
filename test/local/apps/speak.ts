// What call.ts is too well-behaved for: one script a run, by its name; its result as one line of JSON on stdout.
//   speak.ts half-close|http10|expect|trailers|chunked|stream|silent|idle HOST:PORT
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

const [script = "", target = ""] = process.argv.slice(2);
const [host = "", portText = ""] = target.split(":");
const port = Number(portText);

/** All that comes until the other side closes. */
async function rest(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket.setEncoding("latin1")) text += String(chunk);
  return text;
}

function once<T>(emitter: ClientRequest | Socket | WebSocket | IncomingMessage, event: string): Promise<T> {
  return new Promise((resolve, reject) => {
    emitter.once(event, (value: T) => resolve(value));
    emitter.once("error", reject);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return text;
}

const scripts: Readonly<Record<string, () => Promise<object>>> = {
  /** Sends a megabyte, ends its side, and still gets all of it back. */
  "half-close": async () => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const sent = "x".repeat(1_000_000);
    socket.end(sent);
    const text = await rest(socket);
    return { whole: text === sent };
  },
  /** As old as can be: without a Host, and the end of the connection is the end of the answer. */
  http10: async () => {
    const socket = connect({ host, port });
    socket.write("GET /old HTTP/1.0\r\n\r\n");
    const text = await rest(socket);
    return { statusLine: text.split("\r\n")[0], body: text.split("\r\n\r\n")[1] };
  },
  /** Asks before it sends the body: once of who takes it, once of who does not. */
  expect: async () => {
    const ask = (path: string) =>
      request({ host, port, path, method: "POST", headers: { expect: "100-continue", "content-length": 5 } });
    const taken = ask("/take");
    taken.flushHeaders();
    await once(taken, "continue");
    taken.end("hello");
    const answer = await once<IncomingMessage>(taken, "response");
    const { body } = JSON.parse(await bodyOf(answer)) as { body: string };
    const refused = ask("/refuse");
    refused.on("continue", () => refused.end("never"));
    refused.flushHeaders();
    const refusal = await once<IncomingMessage>(refused, "response");
    refused.destroy();
    return { body, refusal: refusal.statusCode };
  },
  /** HTTP/2 with trailers both ways. */
  trailers: async () => {
    const session = connectHttp2(`http://${target}`);
    const call = session.request(
      { ":path": "/?trailer=after", ":method": "POST" },
      { waitForTrailers: true },
    );
    call.on("wantTrailers", () => call.sendTrailers({ "x-sum": "5" }));
    call.end("hello");
    let got: unknown;
    let status: unknown;
    call.on("response", (headers) => (status = headers[":status"]));
    call.on("trailers", (trailers) => (got = trailers["x-trailer"]));
    let text = "";
    for await (const chunk of call.setEncoding("utf8")) text += String(chunk);
    session.close();
    if (status !== 200) return { status };
    const { trailers, body } = JSON.parse(text) as { trailers: object; body: string };
    return { body, seen: trailers, got };
  },
  /** HTTP/1.1 in pieces of unknown number, with trailers both ways. */
  chunked: async () => {
    const call = request({
      host,
      port,
      path: "/?trailer=after",
      method: "POST",
      headers: { trailer: "x-sum", te: "trailers" },
    });
    call.write("hel");
    call.write("lo");
    call.addTrailers({ "x-sum": "5" });
    call.end();
    const answer = await once<IncomingMessage>(call, "response");
    const text = await bodyOf(answer);
    if (answer.statusCode !== 200) return { status: answer.statusCode };
    const { trailers, body } = JSON.parse(text) as { trailers: object; body: string };
    return { body, seen: trailers, got: answer.trailers["x-trailer"] };
  },
  /** How long until the first and until the last of ten pieces that come every 100 ms. */
  stream: async () => {
    const start = performance.now();
    const call = request({ host, port, path: "/?chunks=10&interval=100" }).end();
    const answer = await once<IncomingMessage>(call, "response");
    await once(answer, "data");
    const firstMs = performance.now() - start;
    await bodyOf(answer);
    return { firstMs, lastMs: performance.now() - start };
  },
  /** Says nothing for a while, then speaks HTTP. */
  silent: async () => {
    const socket = connect({ host, port });
    await sleep(300);
    socket.write(
      `GET /late HTTP/1.1\r\nhost: ${host}\r\nx-forwarded-client-cert: forged\r\nconnection: close\r\n\r\n`,
    );
    return { text: await rest(socket) };
  },
  /** A WebSocket and a TCP connection that nothing passes for six seconds; then they still work. */
  idle: async () => {
    const socket = new WebSocket(`ws://${host}/`);
    await once(socket, "message");
    const tcp = connect({ host, port });
    await once(tcp, "connect");
    await sleep(6_000);
    const answers = Promise.all([once<Buffer>(socket, "message"), once<Buffer>(tcp, "data")]);
    socket.send("still");
    tcp.write("there");
    const [webSocket, bytes] = await answers;
    socket.close();
    tcp.destroy();
    return { webSocket: String(webSocket), tcp: String(bytes) };
  },
};

const result = await (scripts[script]?.() ?? Promise.reject(new Error(`no script ${script}`))).catch(
  (error: unknown) => ({ error: String(error) }),
);
console.log(JSON.stringify(result));
process.exit(0);
